/** The script of the tag. */
import { guard } from './guard.js'
import { openOn } from './opening.js'

guard(openOn)(
  /** @type {HTMLScriptElement | null} */ (document.currentScript),
  /** @type {any} */ (window).footfallConfig,
  typeof ffSites == 'object' ? ffSites : undefined,
)
