import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openCookies } from '../src/cookies.js'
import { cookieDocument } from './page.js'

test('a cookie is first-party, lax, for the whole site, and secure under https', () => {
  const document = cookieDocument()
  openCookies(document, true, 'shop.example').set('footfall', 'x', 60.9)
  assert.deepEqual(document.written, ['footfall=x; path=/; max-age=60; samesite=lax; secure; domain=shop.example'])
  openCookies(document, false).set('footfall', 'y', 60)
  assert.equal(document.written[1], 'footfall=y; path=/; max-age=60; samesite=lax')
})

test('a domain that is not the page’s gives way to the host', () => {
  const document = cookieDocument()
  const cookies = openCookies(document, false, 'other.example')
  cookies.set('footfall', 'x', 60)
  assert.equal(document.cookie, 'footfall=x')
  cookies.drop('footfall')
  assert.equal(document.cookie, '')
})

test('where cookies throw or are not kept they live as long as the page', () => {
  const throwing = {
    get cookie() {
      throw new Error('sandboxed')
    },
    set cookie(text) {
      throw new Error('sandboxed')
    },
  }
  for (const document of [throwing, { cookie: '' }]) {
    const cookies = openCookies(document, false)
    cookies.set('footfall', 'x', 60)
    assert.equal(cookies.get('footfall'), document === throwing ? 'x' : 'x')
    cookies.drop('footfall')
    assert.equal(cookies.get('footfall') ?? '', '')
  }
})

test('one cookie is not taken for another whose name ends or begins alike', () => {
  const cookies = openCookies({ cookie: 'notfootfall=1; footfall_consent=2' }, false)
  assert.equal(cookies.get('footfall'), undefined)
})
