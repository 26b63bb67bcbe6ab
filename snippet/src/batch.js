/** All keepalive bodies of a page that are under way share 65,536 bytes. */
export const REQUEST_BYTES_MAX = 60_000

/**
 * The first of the stored calls that fit into one request; at least one.
 *
 * @typedef {[id: string, text: string]} Stored
 * @param {Stored[]} stored
 * @param {number} bytesMax
 * @returns {Stored[]}
 */
export function firstBatch(stored, bytesMax) {
  let bytes = ENVELOPE_BYTES
  return stored.filter(([, text], place) => (bytes += new TextEncoder().encode(text).length + 1) <= bytesMax || !place)
}

const ENVELOPE_BYTES = 200

/** @param {string} text in UTF-8 */
export const bytesOf = (text) => new TextEncoder().encode(text).length
