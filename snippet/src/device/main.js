/** Lazy part `device`: the collector's copy of the visitor's cookie, and the way to a second domain. */
import { guard } from '../guard.js'
import { handOver } from '../part.js'
import { startCopy } from './copy.js'
import { startLinks } from './links.js'

handOver((/** @type {any} */ needs, /** @type {boolean} */ isNew) => {
  const stops = [guard(startCopy)(needs, isNew), guard(startLinks)(needs)]
  return () => stops.forEach((stop) => stop?.())
})
