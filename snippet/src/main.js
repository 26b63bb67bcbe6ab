/** The script of the tag. */
import { readConfig } from './config.js'
import { openFootfall } from './footfall.js'
import { guard } from './guard.js'
import { takeOver } from './takeover.js'

const tag = /** @type {HTMLScriptElement | null} */ (document.currentScript)

guard(() => {
  const { footfall, footfallConfig } = /** @type {any} */ (window)
  if (footfall?.on) return
  const pinned = typeof ffSites == 'undefined'
  const config = readConfig(tag, footfallConfig, pinned ? {} : ffSites)
  if (!config.key) return console.warn('footfall: no data-key')

  const open = guard(() => {
    const { run, begin } = openFootfall(window, config, tag, pinned)
    takeOver(window, run, begin)
  })
  // A page that is made ready in the background counts when it is looked at.
  if (/** @type {any} */ (document).prerendering) document.addEventListener('prerenderingchange', open, { once: true })
  else open()
})()
