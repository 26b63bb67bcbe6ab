/** Lazy part `parts`: the hashes of all others, for a script that is pinned. */
import { handOver } from '../part.js'

handOver(HASHES)
