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
    count = time > last ? 0 : count + 1
    last = Math.max(time, last) + (count >> 12)
    count &= 0xfff
    const bytes = random(8)
    bytes[0] = (bytes[0] & 0x3f) | 0x80
    const tail = [...bytes].map((byte) => hex(byte, 2)).join('')
    const head = hex(last, 12)
    return `${head.slice(0, 8)}-${head.slice(8)}-7${hex(count, 3)}-${tail.slice(0, 4)}-${tail.slice(4)}`
  }
}

/** @param {string} uuid @returns {number} when it was made, in ms since 1970 */
export const madeAt = (uuid) => parseInt(uuid.replace('-', '').slice(0, 12), 16)

/** @param {number} number @param {number} digits */
const hex = (number, digits) => number.toString(16).padStart(digits, '0')
