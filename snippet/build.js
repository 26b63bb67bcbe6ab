/** Makes what the collector serves out of src/: `node build.js [folder]`. Same sources, same bytes. */
import { build } from 'esbuild'
import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { minify } from 'terser'

const here = dirname(fileURLToPath(import.meta.url))
const folder = process.argv[2] ?? join(here, '../collector/web/static/snippet')
const { version } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'))

/** They come first: their hashes are in the part `parts`, whose own is in the core. */
const LAZY = ['behaviour', 'prompt', 'erasure', 'layer', 'shop', 'device', 'token', 'debug']

/** Names that parts of the core call each other by, and nobody else: they become one letter each. */
const WITHIN =
  /^(alone|answered|ask|begin|all|chance|change|clear|cookies|early|drop|file|finish|forget|give|hold|hurry|kept|leave|load|lose|mayCollect|mayStore|move|newId|pinned|preferences|privacyControl|promptVersion|put|release|renew|retryAfter|run|secure|shelf|undecided|visitor)$/

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
  const { code } = await minify(outputFiles[0].text, {
    compress: { passes: 3, ecma: 2020, unsafe_arrows: true, unsafe_methods: true, keep_fargs: false, pure_getters: true },
    ecma: 2020,
    module: options.format == 'esm',
  })
  return code + '\n'
}

/** For V8: all of it runs as it comes, so it may be compiled beside the page's own thread, and not function by function on it. */
const EVERYWHERE = ['behaviour', 'shop']
const AT_ONCE = '//# allFunctionsCalledOnLoad\n'

/** How a pinned script asks for a part. @param {string} name @param {string} text @returns {[name: string, integrity: string]} */
function pin(name, text) {
  const hash = createHash('sha384').update(text).digest('hex').slice(0, 12)
  return [`${name}.${hash}`, 'sha256-' + createHash('sha256').update(text).digest('base64')]
}

mkdirSync(folder, { recursive: true })
/** @param {string} name @param {Record<string, unknown>} [define] */
async function buildPart(name, define = {}) {
  const text = (EVERYWHERE.includes(name) ? AT_ONCE : '') + (await bundle(`${name}/main.js`, define))
  writeFileSync(join(folder, `f.${name}.js`), text)
  return pin(name, text)
}

/** @type {Record<string, [name: string, integrity: string]>} */
const hashes = {}
for (const name of LAZY) hashes[name] = await buildPart(name)
const define = { VERSION: version, PARTS: await buildPart('parts', { HASHES: hashes }) }
writeFileSync(join(folder, 'f.js'), AT_ONCE + (await bundle('main.js', define, { mangleProps: WITHIN })))
writeFileSync(join(folder, 'f.mjs'), await bundle('module.js', define, { mangleProps: WITHIN, format: 'esm' }))
copyFileSync(join(here, 'f.d.ts'), join(folder, 'f.d.ts'))
writeFileSync(join(folder, 'stub.js'), await bundle('stub.js', {}, { bundle: false, format: undefined }))
