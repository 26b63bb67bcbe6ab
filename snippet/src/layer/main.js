/** Lazy part `layer`: what the page's `dataLayer` says, of consent and of the shop. */
import { handOver } from '../part.js'
import { openLayer } from './layer.js'

handOver(openLayer)
