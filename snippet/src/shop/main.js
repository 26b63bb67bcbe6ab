/** Lazy part `shop`: the shop's events, from what its pages say anyway. */
import { handOver } from '../part.js'
import { startProducts } from './products.js'

handOver(startProducts)
