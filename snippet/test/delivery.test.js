import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDelivery } from '../src/delivery.js'
import { openShelf } from '../src/shelf.js'
import { clockAt, storageOf } from './page.js'

const PREFIX = 'footfall:wk:'

/** @param {(texts: string[], request: number) => any} collector answers a status, [status, Retry-After] or throws */
function deliveryTo(collector, /** @type {any} */ { kept = {}, clock = clockAt(), mayStore = true, mayCollect = () => true, early = true, cut = () => {}, hook = (_) => {} } = {}) {
  /** @type {string[][]} */
  const requests = []
  /** @type {number[]} */
  const told = []
  const send = async (/** @type {string[]} */ texts, /** @type {number} */ lost) => {
    told.push(lost)
    requests.push(texts.map((text) => JSON.parse(text).messageId))
    const [status, retryAfter = null] = [await collector(texts, requests.length)].flat()
    return { status, retryAfter }
  }
  const shelf = openShelf(() => storageOf(kept), 'wk', () => mayStore)
  const { put } = shelf
  shelf.put = (id, text) => (cut(), put(id, text), cut())
  const finish = (/** @type {any} */ call) => !void hook(call) && call.messageId != 'unwanted' && JSON.stringify({ ...call, context: { ...call.context, title: 'late' } })
  const delivery = openDelivery(shelf, send, (work) => work(), clock.now, clock.after, () => 0.5, mayCollect, finish, early)
  const add = (/** @type {string[]} */ ...ids) => ids.forEach((messageId) => delivery.add({ messageId, context: {} }))
  return { delivery, add, requests, told, kept, clock, stored: () => Object.keys(kept).filter((key) => key.startsWith(PREFIX)).map((key) => key.slice(PREFIX.length)) }
}
const never = () => new Promise(() => {})

test('calls are gathered, finished, sent as one batch and forgotten once they are acknowledged', async () => {
  let sent = ''
  const { add, requests, clock, stored } = deliveryTo((texts) => ((sent = texts[0]), 200))
  add('1', '2')
  await clock.pass(249)
  assert.deepEqual(requests, [])
  add('3')
  await clock.pass(1)
  assert.deepEqual(requests, [['1', '2', '3']])
  assert.deepEqual(JSON.parse(sent).context, { title: 'late' })
  assert.deepEqual(stored(), [])
})

test('what is not acknowledged is sent again by the next page, before its own calls', async () => {
  const gone = deliveryTo(never)
  gone.add('1')
  await gone.clock.pass(250)
  const next = deliveryTo(() => 200, { kept: gone.kept })
  next.delivery.begin()
  next.add('2')
  await next.clock.pass(250)
  assert.deepEqual(next.requests, [['1'], ['2']])
  assert.deepEqual(next.stored(), [])
})

test('a page that ends from one moment to the next loses nothing that it was told', async () => {
  const gone = deliveryTo(never)
  gone.add('1', '2')
  assert.deepEqual(gone.stored(), ['1', '2'])
  const next = deliveryTo(() => 200, { kept: gone.kept })
  next.delivery.begin()
  assert.deepEqual(next.requests, [['1', '2']])
})

test('a call that is still to be looked at is not kept before that', async () => {
  const { add, delivery, stored } = deliveryTo(never, { early: false })
  add('1')
  assert.deepEqual(stored(), [])
  delivery.leave()
  assert.deepEqual(stored(), ['1'])
})

test('what another tab has under way is its own to send', async () => {
  const here = deliveryTo(() => 200)
  const there = deliveryTo(never, { kept: here.kept })
  there.add('1')
  here.add('2')
  there.delivery.leave()
  here.delivery.leave()
  await here.clock.pass(1_000)
  assert.deepEqual([there.requests, here.requests], [[['1']], [['2']]])
})

test('a collector that fails is asked again, each time later, and nothing is lost', async () => {
  const { add, requests, clock, stored } = deliveryTo((_, request) => (request < 4 ? 503 : 200))
  add('1')
  const times = []
  for (let ms = 0; ms < 10_000; ms += 250) {
    await clock.pass(250)
    if (requests.length > times.length) times.push(ms)
  }
  assert.deepEqual(times, [0, 500, 1_500, 3_500])
  assert.deepEqual(stored(), [])
})

test('a collector is not asked sooner than it says, also when more calls come', async () => {
  const { add, requests, clock } = deliveryTo((_, request) => (request < 2 ? [429, '30'] : 200))
  add('1')
  await clock.pass(1_000)
  add('2')
  await clock.pass(28_000)
  assert.equal(requests.length, 1)
  await clock.pass(3_000)
  assert.deepEqual(requests[1], ['1', '2'])
})

test('a timer that rings too early does not end the trying', async () => {
  const { now, after, pass } = clockAt()
  const clock = { now, pass, after: (/** @type {number} */ ms, /** @type {() => void} */ work) => after(Math.floor(ms * 0.9), work) }
  const { add, requests } = deliveryTo((_, request) => (request < 4 ? 503 : 200), { clock })
  add('1')
  await pass(10_000)
  assert.equal(requests.length, 4)
})

test('with the network back nobody waits', async () => {
  let online = false
  const { add, delivery, requests, clock } = deliveryTo(() => (online ? 200 : Promise.reject(new TypeError('offline'))))
  add('1')
  await clock.pass(60_000)
  const tried = requests.length
  online = true
  delivery.hurry()
  await clock.pass(0)
  assert.equal(requests.length, tried + 1)
})

for (const status of [400, 401, 403]) {
  test(`what is refused with ${status} is not sent for ever`, async () => {
    const { add, requests, clock, stored } = deliveryTo(() => status)
    add('1')
    await clock.pass(3_600_000)
    assert.equal(requests.length, 1)
    assert.deepEqual(stored(), [])
  })
}

test('a request that is too large goes in halves; a call that is too large alone is given up', async () => {
  const { add, requests, clock, stored } = deliveryTo((texts) => (texts.some((text) => text.includes('"3"')) ? 413 : 200))
  add('1', '2', '3', '4')
  await clock.pass(250)
  assert.deepEqual(requests, [['1', '2', '3', '4'], ['1', '2'], ['3', '4'], ['3'], ['4']])
  assert.deepEqual(stored(), [])
})

test('as the page leaves, all that is not under way goes as one request of at most 60,000 bytes', async () => {
  let bytes = 0
  const { delivery, requests, stored } = deliveryTo((texts) => ((bytes = Buffer.byteLength(`${texts}`)), never()))
  for (let i = 0; i < 100; i++) delivery.add({ messageId: `${100 + i}`, context: { filler: 'é'.repeat(500) } })
  delivery.leave()
  delivery.leave()
  assert.equal(requests.length, 2)
  assert.ok(bytes < 60_000 && requests[0].length > 50, `${bytes} bytes, ${requests[0].length} calls`)
  assert.equal(requests[1][0], `${100 + requests[0].length}`)
  assert.equal(stored().length, 100)
})

test('a page that leaves asks a collector that wants patience no sooner', async () => {
  const { add, delivery, requests, clock } = deliveryTo(() => [503, '60'])
  add('1')
  await clock.pass(250)
  delivery.leave()
  assert.equal(requests.length, 1)
})

test('a hook that withdraws the consent holds back its own call, too, and those behind it', async () => {
  const withdrawn = deliveryTo(() => 200, { hook: (/** @type {any} */ { messageId }) => messageId == '2' && withdrawn.delivery.clear() })
  withdrawn.add('1', '2', '3')
  await withdrawn.clock.pass(250)
  assert.deepEqual(withdrawn.requests, [])
  assert.deepEqual(withdrawn.stored(), [])
})

test('what a hook tracks goes with the next request', async () => {
  const hooked = deliveryTo(() => 200, { hook: (/** @type {any} */ { messageId }) => messageId == '1' && hooked.add('made') })
  hooked.add('1')
  await hooked.clock.pass(250)
  await hooked.clock.pass(250)
  assert.deepEqual(hooked.requests, [['1'], ['made']])
})

for (const step of [1, 2, 3, 4, 5, 6, 7, 8]) {
  test(`a closing page that is cut off at step ${step} sends by its next listener, or keeps`, () => {
    let steps = 0
    const cut = () => {
      if (++steps == step) throw new Error('cut off')
    }
    const { add, delivery, requests, stored } = deliveryTo(never, { cut })
    /** @param {() => void} work */
    const listener = (work) => {
      try {
        work()
      } catch {}
    }
    listener(() => add('1'))
    listener(() => add('2'))
    listener(delivery.leave)
    listener(delivery.leave)
    assert.deepEqual(requests.flat(), ['1', '2'])
    assert.deepEqual(stored().sort(), ['1', '2'])
  })
}

test('without leave to store calls are held in memory, and delivered all the same', async () => {
  const { add, requests, clock, kept } = deliveryTo((_, request) => (request < 2 ? 503 : 200), { mayStore: false })
  add('1')
  await clock.pass(5_000)
  assert.deepEqual(requests, [['1'], ['1']])
  assert.deepEqual(kept, {})
})

test('a withdrawal that another tab heard empties the shelf, and nothing is sent', async () => {
  let allowed = true
  const { add, requests, clock, stored } = deliveryTo(() => 503, { mayCollect: () => allowed })
  add('1')
  await clock.pass(250)
  allowed = false
  await clock.pass(60_000)
  assert.equal(requests.length, 1)
  assert.deepEqual(stored(), [])
})

test('a call that cannot be kept on the device is sent from memory', async () => {
  const full = { ...storageOf(), setItem: () => assert.fail('quota') }
  const shelf = openShelf(() => full, 'wk', () => true)
  shelf.put('2', 'b')
  shelf.put('1', 'a')
  assert.deepEqual(shelf.all(), [['1', 'a'], ['2', 'b']])
  shelf.drop('1')
  assert.deepEqual(shelf.all(), [['2', 'b']])
})

test('of too many calls the oldest are given up, and the next batch says how many, once', async () => {
  const { add, requests, told, clock, stored } = deliveryTo((_, request) => (request < 2 ? 503 : 200))
  add(...Array.from({ length: 1_003 }, (_, place) => `${10_000 + place}`))
  await clock.pass(250)
  assert.equal(stored().length, 1_000)
  assert.deepEqual([requests[0][0], told[0]], ['10003', 3])
  await clock.pass(60_000)
  assert.deepEqual(stored(), [])
  add('2')
  await clock.pass(250)
  assert.deepEqual([told[1], told.at(-1)], [3, 0])
})

test('what is refused counts as given up', async () => {
  const { add, told, clock } = deliveryTo((_, request) => (request < 2 ? 400 : 200))
  add('1', '2')
  await clock.pass(250)
  add('3')
  await clock.pass(250)
  assert.deepEqual(told, [0, 2])
})

test('what the page’s own hook holds back is not sent', async () => {
  const { add, requests, clock } = deliveryTo(() => 200)
  add('unwanted', '1')
  await clock.pass(250)
  assert.deepEqual(requests, [['1']])
})

test('the shelf knows its own keys only', () => {
  const kept = { 'footfall:wk2:1': 'x', cart: 'y' }
  const shelf = openShelf(() => storageOf(kept), 'wk', () => true)
  shelf.put('1', 'a')
  assert.deepEqual(shelf.all(), [['1', 'a']])
  shelf.lose(2)
  shelf.clear()
  assert.deepEqual(Object.keys(kept), ['footfall:wk2:1', 'cart'])
})
