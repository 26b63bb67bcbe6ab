/** Lazy part `debug`: shows what the snippet does, in a page that was opened with `?footfall-debug`. */
import { handOver } from '../part.js'
import { inspect } from './inspect.js'

handOver(inspect)
