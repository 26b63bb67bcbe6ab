/**
 * UUIDs of version 7 (RFC 9562): the time in ms comes first, so that ids sort in the order in which they were made. Of those
 * of one ms the later ones run ahead of the clock.
 *
 * @param {() => number} now ms since 1970
 * @param {(length: number) => Uint8Array} random
 * @returns {() => string}
 */
export function uuidMaker(now, random) {
  let last = 0
  return () => {
    last = Math.max(now(), last + 1)
    return random(10)
      .reduce((id, byte) => id + hex(byte, 2), hex(last, 12))
      .replace(/(.{8})(.{4}).(...).(...)/, '$1-$2-7$3-8$4-')
  }
}

/** @param {string} uuid @returns {number} when it was made, in ms since 1970 */
export const madeAt = (uuid) => parseInt(uuid.replace('-', '').slice(0, 12), 16)

/** @param {number} number @param {number} digits */
const hex = (number, digits) => number.toString(16).padStart(digits, '0')
