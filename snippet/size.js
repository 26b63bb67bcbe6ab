/** Sizes as they travel (brotli), against the budgets in package.json. Fails over budget. */
import { readFileSync } from 'node:fs'
import { brotliCompressSync, constants } from 'node:zlib'

const { sizes } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'))
const params = { [constants.BROTLI_PARAM_QUALITY]: 11 }
let over = false

for (const [name, budget] of Object.entries(sizes)) {
  const text = readFileSync(new URL(`../collector/web/static/snippet/${name}`, import.meta.url))
  const bytes = brotliCompressSync(text, { params }).length
  over ||= bytes > budget
  console.log(`${name.padEnd(14)} ${String(text.length).padStart(6)} B, brotli ${String(bytes).padStart(5)} B of ${budget}`)
}
process.exitCode = over ? 1 : 0
