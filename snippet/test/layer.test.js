import assert from 'node:assert/strict'
import { test } from 'node:test'
import './page.js'
import { callsOf } from '../src/layer/calls.js'
import { hearLayer } from '../src/layer/hearing.js'
import { openLayer } from '../src/layer/layer.js'
import { preferencesOf } from '../src/layer/preferences.js'
import { amount } from '../src/layer/products.js'

const ITEM = { item_id: 7, item_name: 'Red hat', item_brand: 'Acme', item_category: 'Hats', item_category2: 'Red', item_variant: 'L' }
const HAT = { product_id: '7', name: 'Red hat', brand: 'Acme', category: 'Hats/Red', variant: 'L' }
const LINE = { ...HAT, price: 19.9, quantity: 2 }
const SOLD = { ...ITEM, price: '19.90', quantity: '2' }
const OLDER = { id: '7', name: 'Red hat', brand: 'Acme', category: 'Hats/Red', variant: 'L', price: '19.90', quantity: '2' }

function gtag(/** @type {any[]} */ ..._) {
  return arguments
}

for (const [what, entry, ...wanted] of /** @type {[string, any, ...any[]][]} */ ([
  [
    'view_item',
    { event: 'view_item', ecommerce: { currency: 'EUR', value: 19.9, items: [{ ...ITEM, price: '19.90' }] } },
    ['Product Viewed', { currency: 'EUR', ...HAT, price: 19.9 }],
  ],
  [
    'view_item_list',
    { event: 'view_item_list', ecommerce: { items: [{ ...ITEM, index: '1', item_list_id: 'h', item_list_name: 'Hats' }] } },
    [
      'Product List Viewed',
      { list_id: 'h', category: 'Hats', products: [{ ...HAT, position: 1, list_id: 'h', list_name: 'Hats' }] },
    ],
  ],
  ['select_item', gtag('event', 'select_item', { items: [ITEM] }), ['Product Clicked', HAT]],
  [
    'add_to_cart of two',
    { event: 'add_to_cart', ecommerce: { currency: 'EUR', items: [SOLD, { item_id: 'b', discount: '1,50' }] } },
    ['Product Added', { currency: 'EUR', ...LINE }],
    ['Product Added', { currency: 'EUR', product_id: 'b', discount: 1.5 }],
  ],
  ['remove_from_cart', gtag('event', 'remove_from_cart', { items: [SOLD] }), ['Product Removed', LINE]],
  ['view_cart', { event: 'view_cart', ecommerce: { value: '39.80', items: [SOLD] } }, ['Cart Viewed', { value: 39.8, products: [LINE] }]],
  ['an empty cart without items', { event: 'view_cart' }, ['Cart Viewed', {}]],
  [
    'begin_checkout',
    { event: 'begin_checkout', ecommerce: { currency: 'EUR', value: 39.8, coupon: 'MAY', items: [SOLD] } },
    ['Checkout Started', { currency: 'EUR', coupon: 'MAY', value: 39.8, products: [LINE] }],
  ],
  [
    'add_shipping_info',
    { event: 'add_shipping_info', ecommerce: { shipping_tier: 'Ground' } },
    ['Checkout Step Completed', { shipping_method: 'Ground' }],
  ],
  [
    'add_payment_info',
    gtag('event', 'add_payment_info', { payment_type: 'Card', value: 5 }),
    ['Payment Info Entered', { payment_method: 'Card', value: 5 }],
  ],
  [
    'purchase',
    {
      event: 'purchase',
      ecommerce: {
        transaction_id: 'T-1',
        affiliation: 'Web',
        value: '44.70',
        tax: '7.14',
        shipping: 4.9,
        currency: 'EUR',
        coupon: 'MAY',
        items: [{ ...SOLD, coupon: 'HAT', discount: '2' }],
      },
    },
    [
      'Order Completed',
      {
        order_id: 'T-1',
        affiliation: 'Web',
        currency: 'EUR',
        coupon: 'MAY',
        total: 44.7,
        tax: 7.14,
        shipping: 4.9,
        products: [{ ...LINE, coupon: 'HAT', discount: 2 }],
      },
    ],
  ],
  ['purchase on one level', { event: 'purchase', transaction_id: 12, value: 3 }, ['Order Completed', { order_id: '12', total: 3 }]],
  ['refund', gtag('event', 'refund', { transaction_id: 'T-1' }), ['Order Refunded', { order_id: 'T-1' }]],
  [
    'view_promotion',
    { event: 'view_promotion', ecommerce: { creative_name: 'Banner', creative_slot: 's1', items: [{ promotion_id: 'P', promotion_name: 'May' }] } },
    ['Promotion Viewed', { promotion_id: 'P', name: 'May', creative: 'Banner', position: 's1' }],
  ],
  ['select_promotion', gtag('event', 'select_promotion', { promotion_id: 'P' }), ['Promotion Clicked', { promotion_id: 'P' }]],
  ['search', { event: 'search', search_term: 'hats' }, ['Products Searched', { query: 'hats' }]],
  ['login', gtag('event', 'login', { method: 'Mail' }), ['Signed In', { method: 'Mail' }, undefined]],
  ['login of somebody', { event: 'login', user_id: 42 }, ['Signed In', {}, '42']],
  ['login of nobody', { event: 'login', user_id: 'Guest' }, ['Signed In', {}, undefined]],
  ['sign_up', gtag('event', 'sign_up', { user_id: 'a' }), ['Signed Up', {}, 'a']],
  [
    'an older purchase',
    {
      event: 'purchase',
      ecommerce: {
        currencyCode: 'EUR',
        purchase: { actionField: { id: 'T-1', revenue: '44.70', tax: '7.14', shipping: '4.90', coupon: 'MAY' }, products: [OLDER] },
      },
    },
    ['Order Completed', { order_id: 'T-1', coupon: 'MAY', currency: 'EUR', total: 44.7, tax: 7.14, shipping: 4.9, products: [LINE] }],
  ],
  [
    'an older product page with others beside it',
    { ecommerce: { detail: { products: [OLDER] }, impressions: [{ id: '8', list: 'Also', position: 1 }] } },
    ['Product List Viewed', { category: 'Also', products: [{ product_id: '8', list: 'Also', position: 1 }] }],
    ['Product Viewed', LINE],
  ],
  ['an older cart', { event: 'addToCart', ecommerce: { currencyCode: 'EUR', add: { products: [OLDER] } } }, ['Product Added', { currency: 'EUR', ...LINE }]],
  ['an older first step', { ecommerce: { checkout: { actionField: { step: 1 }, products: [OLDER] } } }, ['Checkout Started', { step: 1, products: [LINE] }]],
  ['an older second step', { ecommerce: { checkout: { actionField: { step: 2, option: 'Card' } } } }, ['Checkout Step Viewed', { step: 2, payment_method: 'Card' }]],
  ['older promotions', { ecommerce: { promoView: { promotions: [{ id: 'P' }, { id: 'Q', name: 'June', position: 's' }] } } },
    ['Promotion Viewed', { promotion_id: 'P' }], ['Promotion Viewed', { promotion_id: 'Q', name: 'June', position: 's' }]],
])) {
  test(`a push of ${what}`, () => {
    const told = JSON.parse(JSON.stringify(callsOf(entry)))
    assert.deepEqual(told, JSON.parse(JSON.stringify(wanted)))
  })
}

test('what means nothing tells nothing, and never throws', () => {
  for (const odd of [
    {}, [], 'x', 7, { ecommerce: null }, { event: 'purchase' }, { event: 'search' }, { event: 'constructor' }, { event: null },
    { event: 'view_item', ecommerce: { items: 'x' } }, { event: 'add_to_cart', ecommerce: { items: [null] } }, gtag('js', new Date()),
    gtag('config', 'G-1', { user_id: 3 }), { ecommerce: { detail: 'x', add: { products: 7 } } }, { event: 'gtm.js', 'gtm.start': 1 },
    { ecommerce: { currencyCode: 'EUR', impressions: [] } }, { event: 'view_promotion', ecommerce: {} },
  ]) {
    assert.deepEqual(callsOf(odd).filter(([event]) => event != 'Product List Viewed'), [], JSON.stringify(odd))
  }
})

for (const [text, wanted] of /** @type {[any, any][]} */ ([
  ['19.90', 19.9], ['19,90', 19.9], ['1,234.50', 1234.5], ['1.234,50 €', 1234.5], ['$1,234', 1234], ['-5', -5], [0, 0], ['', undefined],
  ['free', undefined], [undefined, undefined],
])) {
  test(`${text} is the number ${wanted}`, () => assert.equal(amount(text), wanted))
}

const denied = { analytics_storage: 'denied', ad_storage: 'denied' }
const granted = { analytics_storage: 'granted', ad_storage: 'granted' }
for (const [what, said, wanted] of /** @type {[string, any, any][]} */ ([
  ['nothing', [], {}],
  ['a default', [['default', denied]], { Analytics: false, Marketing: false }],
  ['an update after it', [['default', denied], ['update', granted]], { Analytics: true, Marketing: true }],
  ['a default after the update', [['update', granted], ['default', denied]], { Analytics: true, Marketing: true }],
  ['a denial for some regions', [['default', { ...denied, region: ['FR'] }], ['default', granted]], { Analytics: false, Marketing: false }],
  ['a grant for some regions', [['default', { ...granted, region: ['US'] }]], {}],
  ['all of marketing', [['update', { ad_storage: 'granted', ad_user_data: 'denied', wait_for_update: 500 }]], { Marketing: false }],
  ['personalisation', [['update', { personalization_storage: 'granted', security_storage: 'granted' }]], { Personalisation: true }],
])) {
  test(`consent mode: ${what}`, () => assert.deepEqual(preferencesOf(said), wanted))
}

test('whoever else listens to the dataLayer is not disturbed, before and after', () => {
  /** @type {any[]} */
  const theirs = []
  /** @type {any[]} */
  const ours = []
  const dataLayer = /** @type {any} */ ([{ event: 'first' }])
  const original = dataLayer.push
  dataLayer.push = (/** @type {any[]} */ ...entries) => (theirs.push(...entries), original.apply(dataLayer, entries))
  const window = { dataLayer }
  const look = hearLayer(window, (entry, before) => {
    ours.push([entry.event, before])
    if (entry.event == 'bad') throw new Error('ours')
  })
  const between = dataLayer.push
  dataLayer.push = (/** @type {any[]} */ ...entries) => (theirs.push('later'), between(...entries))
  assert.equal(dataLayer.push({ event: 'bad' }, { event: 'third' }, null), 4)
  window.dataLayer = [{ event: 'anew' }]
  look()
  window.dataLayer.push({ event: 'on' })
  assert.deepEqual(ours, [['first', true], ['bad', false], ['third', false], ['anew', true], ['on', false]])
  assert.deepEqual(theirs, ['later', { event: 'bad' }, { event: 'third' }, null])
})

function layerOf(/** @type {any[]} */ dataLayer) {
  /** @type {any} */
  const page = { told: [], answers: [], url: '/a' }
  const window = { dataLayer, addEventListener() {} }
  const needs = {
    window,
    config: {},
    view: /** @type {any} */ ({ url: () => page.url, watch: (/** @type {any} */ moved) => ((page.moved = moved), () => {}) }),
    answer: (/** @type {any} */ one) => page.answers.push(['answer', one.Analytics]),
    suppose: (/** @type {any} */ one) => page.answers.push(['suppose', one.Analytics]),
  }
  const read = openLayer(needs)
  const start = () => read({ record: (_, { event }) => page.told.push(event), shown: [] })
  return { page, push: (/** @type {any} */ entry) => dataLayer.push(entry), start }
}

const VIEW = { event: 'view_item', ecommerce: { items: [ITEM] } }
const ADD = { event: 'add_to_cart', ecommerce: { items: [ITEM] } }

test('all that was pushed before the script had come is told', () => {
  const { page, start } = layerOf([VIEW, ADD])
  start()
  assert.deepEqual(page.told, ['Product Viewed', 'Product Added'])
})

test('of what was pushed before the grant only what this page shows is told', async () => {
  const { page, push, start } = layerOf([VIEW])
  page.url = '/b'
  await Promise.resolve()
  push({ event: 'view_item', ecommerce: { items: [{ item_id: 8 }, ] } })
  push(ADD)
  const stop = start()
  assert.deepEqual(page.told, ['Product Viewed'])
  push(ADD)
  stop()
  push(ADD)
  assert.deepEqual(page.told, ['Product Viewed', 'Product Added'])
})

test('a product is viewed once on each page', () => {
  const { page, push, start } = layerOf([VIEW, VIEW])
  start()
  push(VIEW)
  push({ event: 'view_item', ecommerce: { items: [{ item_id: '9', item_name: 'Other' }] } })
  page.moved()
  push(VIEW)
  assert.deepEqual(page.told, ['Product Viewed', 'Product Viewed', 'Product Viewed'])
})

test('a default is supposed, an update is an answer, and of what is there already the last counts', () => {
  assert.deepEqual(layerOf([gtag('consent', 'default', denied)]).page.answers, [['suppose', false]])
  const { page, push } = layerOf([gtag('consent', 'default', denied), gtag('consent', 'update', granted)])
  assert.deepEqual(page.answers, [['answer', true]])
  push(gtag('consent', 'update', denied))
  assert.deepEqual(page.answers[1], ['answer', false])
})
