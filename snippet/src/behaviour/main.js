/** Lazy part `behaviour`: what the visitor does on a page. */
import { handOver } from '../part.js'
import { startAttention } from './attention.js'
import { startDeclared } from './declared.js'
import { startLinks } from './links.js'
import { startSearch } from './search.js'

handOver((/** @type {any} */ needs) => {
  const stops = [startAttention, startDeclared, startLinks, startSearch].map((start) => start(needs))
  return () => stops.forEach((stop) => stop())
})
