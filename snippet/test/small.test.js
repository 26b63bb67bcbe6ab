import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openAlone } from '../src/alone.js'
import { firstBatch } from '../src/batch.js'
import { campaignOf } from '../src/campaign.js'
import { fingerprint, readConfig } from '../src/config.js'
import { guard } from '../src/guard.js'
import { wordingOf } from '../src/region/wording.js'
import { takeOver } from '../src/takeover.js'
import { backOff, verdict } from '../src/verdict.js'
import { openView } from '../src/view.js'
import './page.js'

test('a campaign is what the utm parameters say', () => {
  assert.deepEqual(campaignOf('?utm_source=news&utm_campaign=may+sale&utm_medium=&x=1'), { source: 'news', name: 'may sale' })
  assert.equal(campaignOf('?x=1'), undefined)
})

test('a batch ends before it would be too large, and one call always goes', () => {
  const stored = /** @type {[string, string][]} */ (['a', 'b', 'c'].map((id) => [id, 'é'.repeat(100)]))
  assert.deepEqual(firstBatch(stored, 700).map(([id]) => id), ['a', 'b'])
  assert.deepEqual(firstBatch(stored, 10).map(([id]) => id), ['a'])
  assert.deepEqual(firstBatch([], 10), [])
})

test('only what the collector will never take is given up', () => {
  const kept = [0, 302, 404, 405, 408, 425, 429, 500, 502, 503, 504]
  assert.deepEqual(new Set(kept.map(verdict)), new Set([verdict(503)]))
  assert.equal(new Set([200, 400, 413, 503].map(verdict)).size, 4)
})

test('waiting grows, is scattered, and ends at 5 minutes, or an hour where it was asked for', () => {
  assert.equal(backOff(0, null, 0.5), 500)
  assert.equal(backOff(1, null, 0), 500)
  assert.equal(backOff(1, null, 1), 1_500)
  assert.equal(backOff(99, null, 0.5), 300_000)
  assert.equal(backOff(0, '10', 0.5), 10_500)
  assert.equal(backOff(0, 'soon', 0.5), 500)
  assert.equal(backOff(0, '1e9', 0.5), 3_600_500)
})

test('a key’s fingerprint is what the collector makes of it', () => {
  assert.equal(fingerprint('wk_shop'), '1ng789g')
})

test('settings: the page’s own, then the tag’s, then the site’s, then the strictest', () => {
  const tag = /** @type {any} */ ({ src: 'https://c.example/x/f.abc.js', dataset: { key: 'wk_shop', prompt: 'off' } })
  const sites = { [fingerprint('wk_shop')]: ['opt-out', 'shop.example', '3'] }
  const config = readConfig(tag, {}, sites)
  assert.deepEqual([config.url, config.file, config.key, config.prompt], ['https://c.example/x/', 'f', 'wk_shop', 'off'])
  assert.deepEqual([config.consent, config.cookieDomain, config.promptVersion], ['opt-out', 'shop.example', '3'])
  assert.equal(readConfig(tag, { consent: 'cookieless' }, sites).consent, 'cookieless')
  assert.equal(readConfig(tag, {}, {}).consent, 'opt-in')
  assert.equal(readConfig(null, { key: 'k', url: 'https://c.example' }, {}).url, 'https://c.example/')
})

test('the stub’s calls run in order, those made later through the stub as well', () => {
  /** @type {any[]} */
  const ran = []
  const run = (/** @type {any[]} */ ...call) => void ran.push(call)
  const stub = Object.assign(() => {}, { q: [['page'], ['track', 'A']] })
  const window = { footfall: stub }
  takeOver(window, run, (kept) => kept.forEach((call) => run(...call)))
  void (/** @type {any} */ (stub).q.push(['track', 'B']))
  assert.deepEqual(ran, [['page'], ['track', 'A'], ['track', 'B']])
  assert.equal(window.footfall, run)
})

test('the first view keeps the landing’s referrer and campaign wherever it is told', () => {
  const location = { href: 'https://shop.example/a?utm_source=news#top', pathname: '/a', search: '?utm_source=news' }
  const view = openView({ referrer: 'https://search.example/', title: 'A' }, location, {})
  Object.assign(location, { href: 'https://shop.example/b', pathname: '/b', search: '' })
  assert.deepEqual(view.context(), {
    page: { url: 'https://shop.example/b', path: '/b', search: '', title: 'A', referrer: 'https://search.example/' },
    campaign: { source: 'news' },
  })
  view.move('https://shop.example/b')
  assert.equal(view.context().page.referrer, 'https://shop.example/b')
  assert.equal(view.context().campaign, undefined)
})

test('what is personal in the address that led here stays in the browser', () => {
  const location = { href: 'https://shop.example/', pathname: '/', search: '' }
  const referrer = 'https://shop.example/account?email=jane%40x.example&tab=1'
  const view = openView({ referrer, title: '', querySelector: () => null }, location, {})
  assert.equal(view.context().page.referrer, 'https://shop.example/account?tab=1')
})

test('a page may say which address is its own', () => {
  const location = { href: 'https://shop.example/p?variant=2', pathname: '/p', search: '?variant=2' }
  const querySelector = () => /** @type {any} */ ({ href: 'https://shop.example/p' })
  const page = { referrer: '', title: '', querySelector }
  assert.equal(openView(page, location, {}).url(), location.href)
  assert.equal(openView(page, location, { canonical: true }).url(), 'https://shop.example/p')
})

test('the part behind # tells pages apart only where the site says so', () => {
  const location = { href: 'https://shop.example/#/a', pathname: '/', search: '' }
  assert.equal(openView({ referrer: '', title: '' }, location, {}).url(), 'https://shop.example/')
  assert.equal(openView({ referrer: '', title: '' }, location, { hash: true }).url(), 'https://shop.example/#/a')
})

test('the prompt speaks the page’s language, else the visitor’s, else its first', () => {
  const texts = /** @type {any} */ ({ en: 1, 'pt-BR': 2, fr: 3 })
  assert.deepEqual(wordingOf(texts, ['fr-CA', 'en']), ['fr', 3])
  assert.deepEqual(wordingOf(texts, ['', 'pt']), ['pt-BR', 2])
  assert.deepEqual(wordingOf(texts, ['', 'sv', 'no']), ['en', 1])
})

test('an error stays where it is', () => {
  assert.equal(guard(() => JSON.parse('{'))(), undefined)
  assert.equal(guard((/** @type {number} */ a) => a + 1)(1), 2)
})

test('a lock is let go as the page leaves, and work goes on where locks are refused', async () => {
  let ends = 0
  const locks = /** @type {any} */ ({ request: async (/** @type {any} */ _, /** @type {any} */ work) => (await work(), ends++) })
  const alone = openAlone(locks, 'x')
  const running = alone.run(() => new Promise(() => {}))
  alone.release()
  await running
  assert.equal(ends, 1)
  let worked = 0
  const refusing = /** @type {any} */ ({ request: () => Promise.reject(new Error('SecurityError')) })
  await openAlone(refusing, 'x').run(async () => void worked++)
  await openAlone(undefined, 'x').run(async () => void worked++)
  assert.equal(worked, 2)
})
