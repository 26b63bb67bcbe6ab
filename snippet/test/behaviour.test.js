import assert from 'node:assert/strict'
import { test } from 'node:test'
import './page.js'
import { startAttention } from '../src/behaviour/attention.js'
import { propertiesOf } from '../src/behaviour/declared.js'
import { startLinks } from '../src/behaviour/links.js'
import { startSearch } from '../src/behaviour/search.js'

/** A page that a test acts on; what is told of it, and when. */
function pageAt(/** @type {string} */ href = 'https://shop.example/a', config = {}) {
  let time = Date.UTC(2026, 4, 1)
  const began = time
  /** @type {any[]} */
  const told = []
  /** @type {any} */
  let moved
  const events = new EventTarget()
  const document = { visibilityState: 'visible', documentElement: { scrollHeight: 2000 } }
  const window = /** @type {any} */ ({
    location: new URL(href),
    document,
    innerHeight: 500,
    scrollY: 0,
    addEventListener: events.addEventListener.bind(events),
  })
  const view = /** @type {any} */ ({
    url: () => window.location.href,
    context: () => ({ page: { url: window.location.href } }),
    watch: (/** @type {any} */ watcher) => ((moved = watcher), () => (moved = () => {})),
  })
  const needs = {
    record: (/** @type {any} */ _, /** @type {any} */ { event, properties, timestamp, context }) =>
      told.push(timestamp ? [(+timestamp - began) / 1000, properties, context.page.url] : [event, properties]),
    view,
    window,
    config,
    now: () => time,
    after: (/** @type {any} */ _, /** @type {any} */ work) => work(),
  }
  return {
    told,
    needs,
    window,
    /** @param {string} name @param {object} [fields] */
    fire: (name, fields) => events.dispatchEvent(Object.assign(new Event(name), fields)),
    wait: (/** @type {number} */ seconds) => void (time += seconds * 1000),
    go: (/** @type {string} */ to) => ((window.location = new URL(to)), moved()),
  }
}

test('attention is told as the page leaves, at most half a minute for each act', () => {
  const { told, needs, window, fire, wait } = pageAt()
  startAttention(needs)
  wait(10)
  window.scrollY = 700
  fire('scroll')
  window.scrollY = 100
  wait(100)
  fire('keydown')
  wait(5)
  fire('pagehide')
  assert.deepEqual(told, [[115, { engaged_seconds: 45, scroll_percent: 60 }, 'https://shop.example/a']])
})

test('a closing page that is cut off while it tells, tells by its next listener, the same under the same id', () => {
  const { needs, fire, wait } = pageAt()
  /** @type {any[]} */
  const heard = []
  const record = (/** @type {any} */ _, /** @type {any} */ call) => {
    heard.push(JSON.stringify(call))
    if (!heard[1]) throw new Error('cut off')
  }
  startAttention({ ...needs, record })
  wait(10)
  fire('pagehide')
  fire('visibilitychange')
  fire('visibilitychange')
  assert.equal(heard.length, 2)
  assert.equal(heard[1], heard[0])
  assert.match(heard[0], /"messageId":"[-0-9a-f]{36}".*"engaged_seconds":10/)
})

test('its time is when the attention ended, however long the tab stays open', () => {
  const { told, needs, fire, wait } = pageAt()
  startAttention(needs)
  wait(10)
  fire('pointermove')
  wait(5 * 3600)
  fire('pagehide')
  assert.deepEqual(told.map(([at, { engaged_seconds }]) => [at, engaged_seconds]), [[40, 40]])
})

test('who comes back is told of by the seconds since; a hidden page has no attention', () => {
  const { told, needs, window, fire, wait } = pageAt()
  startAttention(needs)
  wait(4)
  window.document.visibilityState = 'hidden'
  fire('visibilitychange')
  wait(100)
  fire('pointermove')
  window.document.visibilityState = 'visible'
  fire('visibilitychange')
  wait(3)
  fire('pagehide')
  fire('pagehide')
  assert.deepEqual(told.map(([at, { engaged_seconds }]) => [at, engaged_seconds]), [[4, 4], [107, 3]])
})

test('an act after a long pause is another visit’s', () => {
  const { told, needs, fire, wait } = pageAt()
  startAttention(needs)
  wait(3600)
  fire('pointermove')
  wait(2)
  fire('pagehide')
  assert.deepEqual(told.map(([at, { engaged_seconds }]) => [at, engaged_seconds]), [[30, 30], [3602, 2]])
})

test('another address within the document is another page, and a glance is no attention', () => {
  const { told, needs, fire, wait, go } = pageAt()
  const stop = startAttention(needs)
  wait(2)
  go('https://shop.example/b')
  wait(0.5)
  go('https://shop.example/c')
  wait(7)
  fire('pagehide')
  wait(7)
  stop()
  fire('pageshow')
  fire('pagehide')
  assert.deepEqual(told.map(([, { engaged_seconds }, url]) => [url.slice(-1), engaged_seconds]), [['a', 2], ['c', 7]])
})

test('attention can be left alone', () => {
  const { told, needs, fire, wait } = pageAt(undefined, { attention: 'off' })
  startAttention(needs)()
  wait(9)
  fire('pagehide')
  assert.deepEqual(told, [])
})

function element(/** @type {Record<string, string>} */ attributes, more = {}) {
  return { attributes: Object.entries(attributes).map(([name, value]) => ({ name, value })), ...more }
}

test('an element says its properties, and those around it say more', () => {
  const button = element({ 'data-ff-event': 'Product Added', 'data-ff-price': '1.234,50', class: 'x' })
  const card = element({ 'data-ff-event': 'Product Clicked', 'data-ff-product-id': '007', 'data-ff-price': '1' })
  const list = element({ 'data-ff-list_id': 'hats', 'data-ff-products': '[{"sku": "a"}]', 'data-ff-odd': '{' })
  assert.deepEqual(propertiesOf([button, card, list]), {
    event: 'Product Added',
    product_id: '007',
    price: 1234.5,
    list_id: 'hats',
    products: [{ sku: 'a' }],
    odd: undefined,
  })
  const form = element({ 'data-ff-event': 'Product Added', 'data-ff-sku': '1' }, { elements: { quantity: { value: '3' } } })
  assert.deepEqual(propertiesOf([form]), { event: 'Product Added', sku: '1', quantity: 3 })
})

const FILES = 'https://shop.example/files/size%20table.PDF'
for (const [href, wanted, more] of /** @type {[string, any, any?][]} */ ([
  ['https://shop.example/b?x=1', undefined],
  ['https://other.example/b?x=1&email=jane%40x.example#part', ['Outbound Link Clicked', { href: 'https://other.example/b?x=1', host: 'other.example' }]],
  ['https://jane:secret@other.example/', ['Outbound Link Clicked', { href: 'https://other.example/', host: 'other.example' }]],
  [FILES, ['File Downloaded', { href: FILES, name: 'size%20table.PDF' }]],
  ['https://shop.example/invoice', ['File Downloaded', { href: 'https://shop.example/invoice', name: 'invoice' }], { hasAttribute: () => true }],
  ['mailto:jane@x.example', undefined],
  ['javascript:void 0', undefined],
  ['', undefined],
])) {
  test(`a click on ${href || 'nothing'}`, () => {
    const { told, needs, fire } = pageAt()
    startLinks(needs)
    const link = { tagName: 'A', href, hasAttribute: () => false, ...more }
    fire('click', { button: 0, composedPath: () => [{ tagName: 'path' }, link, {}] })
    fire('auxclick', { button: 2, composedPath: () => [link] })
    assert.deepEqual(told, wanted ? [wanted] : [])
  })
}

test('a search is what the site’s parameter says, once for each', () => {
  const { told, needs, go } = pageAt('https://shop.example/s?q=+red+hats&page=1', { search: 's, q' })
  startSearch(needs)
  go('https://shop.example/s?q=red+hats&page=2')
  go('https://shop.example/hat')
  go('https://shop.example/s?q=jane@x.example')
  go('https://shop.example/s?q=red+hats')
  const searched = ['Products Searched', { query: 'red hats' }]
  assert.deepEqual(told, [searched, searched])
  const silent = pageAt('https://shop.example/s?q=hats&=x')
  startSearch(silent.needs)
  assert.deepEqual(silent.told, [])
})

test('a link to another of the shop\'s own domains leads nowhere else', () => {
  const { told, needs, fire } = pageAt('https://shop.example/cart', { handover: 'pay.shop.example, checkout.example:8443' })
  startLinks(needs)
  const follow = (/** @type {string} */ href) => {
    const link = { tagName: 'A', href, hasAttribute: () => false }
    fire('click', { composedPath: () => [link] })
  }
  follow('https://checkout.example:8443/step')
  follow('https://pay.shop.example/')
  follow('https://shop.example/')
  follow('https://elsewhere.example/')
  assert.deepEqual(told, [['Outbound Link Clicked', { href: 'https://elsewhere.example/', host: 'elsewhere.example' }]])
})
