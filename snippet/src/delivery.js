import { DONE, LATER, TOO_LARGE, backOff, firstBatch, verdict } from './batch.js'
import { guard, warn } from './guard.js'

const GATHER_MS = 250
const REQUEST_BYTES_MAX = 60_000 // all keepalive bodies of a page in flight share 65,536

/**
 * Calls leave in batches, oldest first, and stay on the shelf until the collector has said that they are on disk.
 *
 * @typedef {{messageId: string, context: any}} Call
 * @typedef {{status: number, retryAfter: string | null}} Answer
 * @param {{
 *   shelf: ReturnType<typeof import('./shelf.js').openShelf>,
 *   send: (texts: string[]) => Promise<Answer>,
 *   alone: (work: () => Promise<void>) => Promise<void>,
 *   clock: {now: () => number, after: (ms: number, work: () => void) => any, cancel: (timer: any) => void},
 *   chance: () => number,
 *   mayCollect: () => boolean,
 *   finish: (call: Call) => void,
 * }} needs `alone` runs its work while no other tab runs its own; `finish` completes a call that is about to be kept
 */
export function openDelivery({ shelf, send, alone, clock, chance, mayCollect, finish }) {
  /** @type {Call[]} */
  let fresh = []
  /** @type {Map<string, number>} */
  const flying = new Map()
  /** @type {Set<string>} */
  const own = new Set()
  let failures = 0
  let notBefore = 0
  /** @type {any} */
  let timer

  const keep = () => {
    for (const call of fresh.splice(0)) {
      finish(call)
      own.add(call.messageId)
      shelf.put(call.messageId, JSON.stringify(call))
    }
  }
  /** @param {import('./batch.js').Stored[]} batch */
  const forget = (batch) => {
    for (const [id] of batch) {
      own.delete(id)
      shelf.drop(id)
    }
  }
  /** @param {number} ms */
  const wake = (ms) => {
    clock.cancel(timer)
    timer = clock.after(Math.max(ms, notBefore - clock.now()), guard(flush))
  }
  /** @param {import('./batch.js').Stored[]} batch @returns {Promise<boolean>} whether to go on */
  const deliver = async (batch) => {
    for (const [id, text] of batch) flying.set(id, text.length)
    const { status, retryAfter } = await send(batch.map(([, text]) => text)).catch(() => NO_ANSWER)
    for (const [id] of batch) flying.delete(id)

    const found = verdict(status)
    if (found == LATER) {
      notBefore = clock.now() + backOff(failures++, retryAfter, clock.now(), chance())
      wake(0)
      return false
    }
    failures = notBefore = 0
    if (found == TOO_LARGE && batch[1]) {
      const half = batch.length >> 1
      return (await deliver(batch.slice(0, half))) && deliver(batch.slice(half))
    }
    if (found != DONE) warn(`${status}: the collector refused ${batch.map(([, text]) => text)}`)
    forget(batch)
    return true
  }
  const waiting = () => shelf.all().filter(([id]) => !flying.has(id))

  const drain = async () => {
    for (let batch; (batch = firstBatch(waiting(), REQUEST_BYTES_MAX))[0]; ) if (!(await deliver(batch))) return
  }
  function flush() {
    // Another tab may have heard the answer.
    if (!mayCollect()) return clear()
    keep()
    if (clock.now() >= notBefore) alone(drain)
  }
  /** Nothing more of what was collected leaves. */
  function clear() {
    fresh = []
    clock.cancel(timer)
    shelf.clear()
  }
  return {
    /** @param {Call} call */
    add(call) {
      fresh.push(call)
      if (fresh.length < 2) wake(GATHER_MS)
    },
    flush,
    /** The page may be gone in a moment: what it has not sent goes as one request. What is lost then is still on the shelf. */
    leave() {
      if (!mayCollect()) return clear()
      keep()
      let room = REQUEST_BYTES_MAX
      for (const length of flying.values()) room -= length
      const batch = firstBatch(waiting().filter(([id]) => own.has(id)), room)
      if (batch[0] && room > 0 && clock.now() >= notBefore) deliver(batch)
    },
    clear,
  }
}

const NO_ANSWER = { status: 0, retryAfter: null }
