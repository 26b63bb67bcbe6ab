/**
 * Puts the real function in the stub's place and runs what it kept, in order. Whoever still holds the stub reaches the real
 * one through its queue.
 *
 * @param {any} window
 * @param {(...call: any[]) => void} run
 * @param {(kept: any[][]) => void} begin runs the calls that were kept
 */
export function takeOver(window, run, begin) {
  const kept = [...(window.footfall?.q ?? [])]
  const queue = { push: (/** @type {Iterable<any>} */ call) => run(...call) }
  if (window.footfall) window.footfall.q = queue
  window.footfall = Object.assign(run, { q: queue, on: true })
  begin(kept)
}
