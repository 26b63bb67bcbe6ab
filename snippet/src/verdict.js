/** What an answer means for the calls of its request. */
export const DONE = 0
export const REFUSED = 1
export const TOO_LARGE = 2
export const LATER = 3

/**
 * @param {any} status undefined: there was no answer
 */
export function verdict(status) {
  if (status >= 200 && status < 300) return DONE
  if (status == 413) return TOO_LARGE
  return [400, 401, 403].includes(status) ? REFUSED : LATER
}

/**
 * How long to wait in ms after so many failures in a row: doubled each time up to 5 minutes, and scattered, so that a shop's
 * visitors do not all come back at once; never sooner than the collector asked, within an hour.
 *
 * @param {number} failures
 * @param {string | null} retryAfter seconds
 * @param {number} chance from 0 to 1
 */
export const backOff = (failures, retryAfter, chance) =>
  Math.min(Number(retryAfter) * 1e3 || 0, 36e5) + Math.min(500 * 2 ** failures, 3e5) * (0.5 + chance)
