import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openConsent } from '../src/consent.js'
import { openCookies } from '../src/cookies.js'
import { clockAt, cookieDocument } from './page.js'

function consentIn(/** @type {any} */ { document = cookieDocument(), clock = clockAt(), mode = 'opt-in', version, privacyControl } = {}) {
  const cookies = openCookies(document, false)
  const consent = openConsent(cookies, clock.now, mode, version, privacyControl)
  return { consent, document, clock, allowed: () => [consent.mayStore(), consent.mayCollect()] }
}

for (const [mode, wanted] of [
  ['opt-in', [false, false]],
  ['cookieless', [false, true]],
  ['opt-out', [true, true]],
]) {
  test(`${mode}: before an answer may store, may collect: ${wanted}`, () => {
    assert.deepEqual(consentIn({ mode }).allowed(), wanted)
  })
  test(`${mode}: a yes allows both, a no neither, on the next page too`, () => {
    const { consent, document, allowed } = consentIn({ mode })
    consent.give({ Analytics: true })
    assert.deepEqual(allowed(), [true, true])
    assert.deepEqual(consentIn({ mode, document }).allowed(), [true, true])
    consent.give({ Analytics: false })
    assert.deepEqual(allowed(), [false, false])
    assert.deepEqual(consentIn({ mode, document }).allowed(), [false, false])
  })
}

test('on an opt-in site a no leaves nothing on the device, unless our own prompt must remember it', () => {
  const { consent, document } = consentIn()
  consent.give({ Analytics: true })
  consent.give({ Analytics: false })
  assert.equal(document.cookie, '')
  assert.equal(consent.answered(), true)
  assert.equal(consentIn({ document }).consent.answered(), false)
  consent.give({ Analytics: false }, '1')
  assert.equal(consentIn({ document }).consent.answered(), true)
  assert.doesNotMatch(document.cookie, /footfall=/)
})

test('a new version of the text asks again, a tool’s answer has no version', () => {
  const { consent, document } = consentIn({ version: '1' })
  consent.give({ Analytics: true }, '1')
  assert.equal(consentIn({ document, version: '2' }).consent.mayCollect(), false)
  consent.give({ Analytics: true })
  assert.equal(consentIn({ document, version: '2' }).consent.mayCollect(), true)
})

test('an answer holds for 180 days from when it was given', async () => {
  const { consent, document, clock } = consentIn()
  consent.give({ Analytics: true })
  await clock.pass(100 * 864e5)
  consentIn({ document, clock }).consent.renew()
  assert.match(document.written.at(-1) ?? '', new RegExp(`max-age=${80 * 86_400};`))
  await clock.pass(81 * 864e5)
  assert.equal(consentIn({ document, clock }).consent.mayCollect(), false)
})

test('Global Privacy Control is a no in every mode, until the visitor says yes in spite of it', () => {
  for (const mode of ['opt-in', 'cookieless', 'opt-out']) {
    const { consent, document, allowed } = consentIn({ mode })
    consent.give({ Analytics: true })
    const later = consentIn({ mode, document, privacyControl: true })
    assert.deepEqual(later.allowed(), [false, false])
    assert.equal(later.consent.answered(), true)
    later.consent.give({ Analytics: true })
    assert.deepEqual(later.allowed(), [true, true])
    assert.deepEqual(allowed(), [true, true])
  }
})

test('what is said of one purpose leaves the others as they were', () => {
  const { consent } = consentIn()
  consent.give({ Analytics: true, Marketing: true })
  consent.give({ Marketing: false })
  assert.deepEqual(consent.preferences(), { Analytics: true, Marketing: false })
})

test('only true is a yes', () => {
  for (const said of ['granted', 1, 'false', null, {}]) {
    const { consent, allowed } = consentIn({ mode: 'opt-out' })
    consent.give(/** @type {any} */ ({ Analytics: said }))
    assert.deepEqual(allowed(), [false, false])
  }
})

test('a cookie that cannot be read is no answer', () => {
  for (const value of ['', '%', '{}', 'null', '[]', '%5B1']) {
    const document = cookieDocument()
    document.cookie = `footfall_consent=${value}`
    assert.equal(consentIn({ document }).consent.answered(), false)
  }
})

test('what is supposed holds on this page until there is an answer, and never against Global Privacy Control', () => {
  const { consent, document, allowed } = consentIn({ mode: 'opt-out' })
  consent.suppose({ Analytics: false })
  assert.deepEqual(allowed(), [false, false])
  assert.equal(document.cookie, '')
  consent.give({ Analytics: true })
  consent.suppose({ Analytics: false })
  assert.deepEqual(allowed(), [true, true])
  const controlled = consentIn({ mode: 'opt-in', privacyControl: true })
  controlled.consent.suppose({ Analytics: true })
  assert.deepEqual(controlled.allowed(), [false, false])
})

test('another tab’s withdrawal holds here too', () => {
  const { consent, document, allowed } = consentIn()
  consent.give({ Analytics: true })
  consentIn({ document }).consent.give({ Analytics: false })
  assert.deepEqual(allowed(), [false, false])
})
