/** Lazy part `prompt`: asks for consent. */
import { handOver } from '../part.js'
import { openPrompt } from './prompt.js'

handOver(openPrompt)
