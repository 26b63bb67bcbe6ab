import assert from 'node:assert/strict'
import { test } from 'node:test'
import { productOf } from '../src/shop/product.js'

const URL_ = 'https://shop.example/hats/red?c=1'
const hat = { '@type': 'Product', sku: 'H-1', name: 'Red hat' }
const offer = { '@type': 'Offer', price: '19.90', priceCurrency: 'EUR' }

test('a product as shops write it', () => {
  const product = {
    '@context': 'https://schema.org/',
    ...hat,
    productID: '77',
    brand: { '@type': 'Brand', name: 'Acme' },
    category: 'Hats > Red',
    image: ['https://shop.example/1.jpg', 'https://shop.example/2.jpg'],
    url: 'https://shop.example/hats/red',
    offers: { ...offer, availability: 'https://schema.org/InStock' },
  }
  assert.deepEqual(productOf([product], URL_), {
    product_id: '77',
    sku: 'H-1',
    name: 'Red hat',
    brand: 'Acme',
    category: 'Hats > Red',
    price: 19.9,
    currency: 'EUR',
    availability: 'InStock',
    url: 'https://shop.example/hats/red',
    image_url: 'https://shop.example/1.jpg',
  })
})

for (const [where, block] of Object.entries({
  'in a graph': { '@graph': [{ '@type': 'WebPage' }, hat] },
  'in a list': [{ '@type': 'BreadcrumbList' }, hat],
  'as the subject of a page': { '@type': 'WebPage', mainEntity: hat },
  'with a full type': { ...hat, '@type': 'http://schema.org/Product' },
  'of several types': { ...hat, '@type': ['Product', 'Car'] },
})) {
  test(`a product ${where}`, () => assert.equal(productOf([null, block], URL_)?.sku, 'H-1'))
}

const price = (/** @type {any} */ offers) => productOf([{ ...hat, offers }], URL_)?.price
for (const [what, offers, wanted] of /** @type {[string, any, any][]} */ ([
  ['a number', { price: 5 }, 5],
  ['nothing', undefined, undefined],
  ['no number', { price: 'on request' }, undefined],
  ['free', { price: 0 }, 0],
  ['a list of offers', [{ price: '7' }, { price: '8' }], 7],
  ['an aggregate', { '@type': 'AggregateOffer', lowPrice: '3.50', highPrice: 9 }, 3.5],
  ['an aggregate of offers', { '@type': 'AggregateOffer', offers: [offer] }, 19.9],
  ['a specification', { priceSpecification: { price: 4, priceCurrency: 'EUR' } }, 4],
  [
    'a sale before the list price',
    { priceSpecification: [{ price: 10, priceType: 'https://schema.org/ListPrice' }, { price: 8, priceType: 'SalePrice' }] },
    8,
  ],
  ['a plain price before one struck out', { price: 6, priceSpecification: { price: 9, priceType: 'StrikethroughPrice' } }, 6],
  ['a sale among specifications', { priceSpecification: [{ price: 9 }, { price: 6, priceType: 'SalePrice' }] }, 6],
  ['a sale before a plain price', { price: 9, priceSpecification: [{ price: 6, priceType: 'SalePrice' }] }, 6],
])) {
  test(`the price of ${what} is ${wanted}`, () => assert.equal(price(offers), wanted))
}

test('of several products the page’s own counts, and of strangers none', () => {
  const others = [
    { ...hat, sku: 'A', url: '/hats/blue' },
    { ...hat, sku: 'B', url: '/hats/red' },
  ]
  assert.equal(productOf(others, URL_)?.sku, 'B')
  assert.equal(productOf(others, 'https://shop.example/hats'), undefined)
})

test('products in a list are not viewed', () => {
  const list = { '@type': 'ItemList', itemListElement: [{ '@type': 'ListItem', item: hat }] }
  assert.equal(productOf([list], URL_), undefined)
})

test('a group of variants is viewed as the variant of this address', () => {
  const variants = [
    { ...hat, sku: 'S', name: 'Small', url: '/hats/blue', offers: { price: 1, priceCurrency: 'EUR' } },
    { ...hat, sku: 'L', name: 'Large', url: '/hats/red', offers: { price: 2, priceCurrency: 'EUR' } },
  ]
  const group = { '@type': 'ProductGroup', productGroupID: 'G', name: 'Hat', hasVariant: variants }
  const { product_id, sku, price, variant } = /** @type {any} */ (productOf([group], URL_))
  assert.deepEqual([product_id, sku, price, variant], ['G', 'L', 2, 'Large'])
})

test('what is not JSON-LD at all is no product', () => {
  for (const odd of [undefined, null, 3, 'Product', [], {}, { '@type': null }, { '@graph': 'x' }, [[[]]]]) {
    assert.equal(productOf([odd], URL_), undefined)
  }
  assert.ok(productOf([{ ...hat, offers: [null, 'x'], brand: [], image: {}, url: 'http://[' }], URL_))
})
