/** Lazy part `token`: a visitor who is handed over from another of the site's domains. */
import { handOver } from '../part.js'
import { arrive } from './arrive.js'

handOver(arrive)
