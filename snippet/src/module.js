/** For bundlers, as `f.mjs`: the same snippet, begun by `start`. Nothing happens at import, so that it may be imported on a server. */
import { guard } from './guard.js'
import { openOn } from './opening.js'

/** @param {...any} call what `footfall` takes; before `start` it is kept as the stub of the tag would */
export const footfall = (...call) => {
  if (typeof window == 'undefined') return
  const page = /** @type {any} */ (window)
  page.footfall ??= Object.assign((/** @type {any[]} */ ...kept) => page.footfall.q.push(kept), { q: [] })
  page.footfall(...call)
}
export default footfall

/** @param {import('./config.js').Config} config `key` and `url` are needed */
export const start = (config) => {
  if (typeof window != 'undefined') guard(openOn)(null, { .../** @type {any} */ (window).footfallConfig, ...config })
}
