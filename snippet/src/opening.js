import { readConfig } from './config.js'
import { openFootfall } from './footfall.js'
import { guard } from './guard.js'
import { takeOver } from './takeover.js'

/**
 * Begins, once in a page. A page that is made ready in the background counts when it is looked at.
 *
 * @param {HTMLScriptElement | null} tag
 * @param {import('./config.js').Config} given
 * @param {typeof ffSites} [sites] what the collector knows of its sites; without it the script is pinned
 */
export function openOn(tag, given, sites) {
  if (/** @type {any} */ (window).footfall?.on) return
  const config = readConfig(tag, given, sites ?? {})
  if (!config.key) return console.warn('footfall: no data-key')

  const open = guard(() => {
    const { run, begin } = openFootfall(window, config, tag, !sites)
    takeOver(window, run, begin)
  })
  if (/** @type {any} */ (document).prerendering) document.addEventListener('prerenderingchange', open, { once: true })
  else open()
}
