/**
 * A lazy part hands over what it holds, mostly its `start`, to the script that loaded it: on its own tag, so that the page
 * sees no global.
 *
 * @param {unknown} held
 */
export function handOver(held) {
  /** @type {any} */ (document.currentScript)?.footfall(held)
}
