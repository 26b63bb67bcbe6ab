/** The script of the tag. */
import { guard } from './guard.js'
import { openOn } from './opening.js'

// It may be an image by that name, which somebody put into a review.
const tag = /** @type {any} */ (document.currentScript)
guard(openOn)(
  /** @type {any} */ (tag instanceof HTMLScriptElement && tag),
  /** @type {any} */ (window).footfallConfig,
  typeof ffSites == 'object' ? ffSites : undefined,
)
