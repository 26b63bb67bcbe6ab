/** Makes what the collector serves out of src/: `node build.js [folder]`. Same sources, same bytes. */
import { build } from 'esbuild'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { minify } from 'terser'

const here = dirname(fileURLToPath(import.meta.url))
const folder = process.argv[2] ?? join(here, '../collector/web/static/snippet')
const { version } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'))

/** Lazy parts come first: the core holds their hashes. */
const LAZY = { prompt: 'prompt/main.js', shop: 'shop/main.js' }

/** Names that parts of the core call each other by, and nobody else: they become one letter each. */
const WITHIN =
  /^(alone|answered|ask|begin|chance|change|cookies|drop|file|finish|forget|give|hurry|kept|leave|load|mayCollect|mayStore|move|newId|pinned|preferences|privacyControl|put|release|renew|retryAfter|run|secure|shelf|undecided|visitor)$/

/** @param {string} entry @param {Record<string, unknown>} define @param {import('esbuild').BuildOptions} [options] */
async function bundle(entry, define, options = {}) {
  const { outputFiles } = await build({
    entryPoints: [join(here, 'src', entry)],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: ['chrome91', 'firefox90', 'safari15'],
    charset: 'utf8',
    legalComments: 'none',
    tsconfigRaw: {},
    define: Object.fromEntries(Object.entries(define).map(([name, value]) => [name, JSON.stringify(value)])),
    ...options,
  })
  // What esbuild leaves is a twentieth smaller after a second squeeze.
  const { code } = await minify(outputFiles[0].text, { compress: { passes: 2, ecma: 2020 }, ecma: 2020 })
  return code + '\n'
}

/** @param {string} text @returns {[hash: string, integrity: string]} */
function identify(text) {
  const digest = createHash('sha256').update(text).digest()
  return [createHash('sha384').update(text).digest('hex').slice(0, 12), 'sha256-' + digest.toString('base64')]
}

mkdirSync(folder, { recursive: true })
/** @type {Record<string, [string, string]>} */
const parts = {}
for (const [name, entry] of Object.entries(LAZY)) {
  if (!existsSync(join(here, 'src', entry))) continue
  const text = await bundle(entry, {})
  parts[name] = identify(text)
  writeFileSync(join(folder, `f.${name}.js`), text)
}
const define = { VERSION: version, PARTS: parts }
writeFileSync(join(folder, 'f.js'), await bundle('main.js', define, { mangleProps: WITHIN }))
writeFileSync(join(folder, 'stub.js'), await bundle('stub.js', {}, { bundle: false, format: undefined }))
