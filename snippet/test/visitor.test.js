import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openCookies } from '../src/cookies.js'
import { uuidMaker } from '../src/uuid.js'
import { openVisitor } from '../src/visitor.js'
import { clockAt, cookieDocument } from './page.js'

const DAY_MS = 864e5

function visitorIn(document = cookieDocument(), clock = clockAt(), mayStore = () => true) {
  const newId = uuidMaker(clock.now, (length) => crypto.getRandomValues(new Uint8Array(length)))
  const cookies = openCookies(document, false)
  return { visitor: openVisitor(cookies, mayStore, newId, clock.now), document, clock }
}

test('a visitor keeps its id from page to page, for 13 months and no longer', async () => {
  const { visitor, document, clock } = visitorIn()
  const id = visitor.id()
  assert.equal(visitor.id(), id)
  await clock.pass(300 * DAY_MS)
  const later = visitorIn(document, clock).visitor
  later.renew()
  assert.equal(later.id(), id)
  assert.match(document.written.at(-1) ?? '', new RegExp(`max-age=${95 * 86_400};`))
  await clock.pass(96 * DAY_MS)
  assert.notEqual(visitorIn(document, clock).visitor.id(), id)
})

test('a change makes somebody else of it, also for another tab', () => {
  const { visitor, document, clock } = visitorIn()
  const other = visitorIn(document, clock).visitor
  const id = visitor.id()
  assert.equal(other.id(), id)
  visitor.change()
  assert.notEqual(visitor.id(), id)
  assert.equal(other.id(), visitor.id())
})

test('where nothing may be stored the id lives as long as the page', () => {
  const { visitor, document } = visitorIn(cookieDocument(), clockAt(), () => false)
  assert.equal(visitor.id(), visitor.id())
  assert.deepEqual(document.written, [])
})

test('what was forgotten does not come back', () => {
  const { visitor, document } = visitorIn()
  const id = visitor.id()
  visitor.forget()
  assert.equal(document.cookie, '')
  assert.equal(visitor.kept(), undefined)
  assert.notEqual(visitor.id(), id)
})

test('a cookie that is none of ours is replaced', () => {
  const document = cookieDocument()
  document.cookie = 'footfall=hello'
  assert.notEqual(visitorIn(document).visitor.id(), 'hello')
})
