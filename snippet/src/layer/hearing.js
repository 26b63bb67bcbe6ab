import { guard } from '../guard.js'

/**
 * Hears each push to the page's `dataLayer`: those that were made before, then each as it comes. Whoever else listens there, now or
 * later, is not disturbed.
 *
 * @param {any} window
 * @param {(entry: any, before: boolean) => void} heard
 * @returns {() => void} looks whether the page has put a new list in its place
 */
export function hearLayer(window, heard) {
  /** @type {any} */
  let layer
  const hear = guard((/** @type {any} */ entry, /** @type {boolean} */ before) => entry && heard(entry, before))

  const look = guard(() => {
    const { dataLayer } = window
    if (dataLayer == layer || !dataLayer?.push) return
    layer = dataLayer
    const { push } = layer
    layer.push = function (/** @type {any[]} */ ...entries) {
      for (const entry of entries) hear(entry, false)
      return push.apply(this, entries)
    }
    for (const entry of [...layer]) hear(entry, true)
  })
  look()
  return look
}
