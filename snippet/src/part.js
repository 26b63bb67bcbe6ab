/**
 * A lazy part hands over what it holds, mostly its `start`, to the script that loaded it: on its own tag, so that the page
 * sees no global. Only then the tag goes: WebKit may forget what a tag carries that is in no document.
 *
 * @param {unknown} held
 */
export function handOver(held) {
  const tag = /** @type {any} */ (document.currentScript)
  tag?.remove()
  tag?.footfall?.(held)
}
