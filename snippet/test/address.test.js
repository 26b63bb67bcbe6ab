import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pageOf, publicAddress } from '../src/address.js'

const HERE = 'https://shop.example/p?'

for (const kept of ['size=42&colour=dark+red', 'q=hat', 'product_id=5', 'utm_source=jane%40x', 'gclid=' + 'a'.repeat(90), 'fbclid=x']) {
  test(`stays: ${kept.slice(0, 40)}`, () => assert.equal(publicAddress(HERE + kept), HERE + kept))
}
for (const held of ['to=jane%40x.example', 'email=x', 'reset_token=1', 'access_token=x', 'PHPSESSION=1', 'x=' + 'a1'.repeat(20), 'Phone=1']) {
  test(`does not leave: ${held.slice(0, 40)}`, () => {
    assert.equal(publicAddress(`${HERE}size=42&${held}#part`), `${HERE}size=42#part`)
  })
}

test('where the site lists parameters, only these and the campaign’s stay', () => {
  const address = `${HERE}a=1&b=2&email=x&utm_source=news&gclid=3`
  assert.equal(publicAddress(address, ['b', 'email']), `${HERE}b=2&email=x&utm_source=news&gclid=3`)
})

test('a campaign makes no other page of it', () => {
  assert.equal(pageOf(`${HERE}a=1&utm_source=news&gclid=3`), pageOf(`${HERE}a=1`))
  assert.notEqual(pageOf(`${HERE}a=1`), pageOf(`${HERE}a=2`))
})

test('what is no address is nothing', () => assert.equal(publicAddress(''), ''))
