/**
 * The first of the stored calls that fit into one request; at least one.
 *
 * @typedef {[id: string, text: string]} Stored
 * @param {Stored[]} stored
 * @param {number} bytesMax
 * @param {number} [callsMax]
 * @returns {Stored[]}
 */
export function firstBatch(stored, bytesMax, callsMax = 100) {
  const encoder = new TextEncoder()
  let bytes = ENVELOPE_BYTES
  const fits = stored.findIndex(([, text], place) => {
    bytes += encoder.encode(text).length + 1
    return (place && bytes > bytesMax) || place == callsMax
  })
  return fits < 0 ? stored : stored.slice(0, fits)
}

const ENVELOPE_BYTES = 200

/** What becomes of a request's calls. */
export const DONE = 1
export const REFUSED = 2
export const TOO_LARGE = 3
export const LATER = 4

/**
 * @param {number} status 0: no answer
 */
export function verdict(status) {
  if (status >= 200 && status < 300) return DONE
  if (status == 413) return TOO_LARGE
  return status == 400 || status == 401 || status == 403 ? REFUSED : LATER
}

/**
 * How long to wait in ms after so many failures in a row: doubled each time up to 5 minutes, and scattered, so that a shop's
 * visitors do not all come back at once; never sooner than the collector asked.
 *
 * @param {number} failures
 * @param {string | null} retryAfter seconds, or a date
 * @param {number} now
 * @param {number} chance from 0 to 1
 */
export function backOff(failures, retryAfter, now, chance) {
  const asked = retryAfter ? (+retryAfter * 1000 || Date.parse(retryAfter) - now || 0) : 0
  return Math.max(0, Math.min(asked, 36e5)) + Math.min(3e5, 500 * 2 ** failures) * (0.5 + chance)
}
