/** Lazy part `erasure`: after a withdrawal, offers to delete what was collected. */
import { handOver } from '../part.js'
import { openErasure } from './erasure.js'

handOver(openErasure)
