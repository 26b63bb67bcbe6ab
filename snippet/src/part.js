/**
 * A lazy part hands its `start` to the script that loaded it: on its own tag, so that the page sees no global.
 *
 * @param {(...needs: any[]) => any} start
 */
export function handOver(start) {
  /** @type {any} */ (document.currentScript)?.footfall(start)
}
