/**
 * UUIDs of version 7 (RFC 9562): the time in ms comes first, so that ids sort in the order in which they were made,
 * also those of one ms, by a counter in the 12 bits behind the version.
 *
 * @param {() => number} now ms since 1970
 * @param {(length: number) => Uint8Array} random
 * @returns {() => string}
 */
export function uuidMaker(now, random) {
  let last = 0
  let count = 0
  return () => {
    const time = now()
    count = time > last ? 0 : (count + 1) & 0xfff
    last = Math.max(time, last + Number(!count && time <= last))
    const bytes = random(8)
    bytes[0] = (bytes[0] & 0x3f) | 0x80
    return [hex(last, 12), '7' + hex(count, 3), ...Array.from(bytes, (byte) => hex(byte, 2))]
      .join('')
      .replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  }
}

/** @param {string} uuid @returns {number} when it was made, in ms since 1970 */
export const madeAt = (uuid) => parseInt(uuid.replace('-', '').slice(0, 12), 16)

/** @param {number} number @param {number} digits */
const hex = (number, digits) => number.toString(16).padStart(digits, '0')
