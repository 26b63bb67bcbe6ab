import { REQUEST_BYTES_MAX, firstBatch } from './batch.js'
import { guard, warn } from './guard.js'
import { DONE, LATER, TOO_LARGE, backOff, verdict } from './verdict.js'

const GATHER_MS = 250
const STORED_MAX = 1_000
const HOLD_MS = 2_000

/**
 * Calls leave in batches, oldest first, and stay on the shelf until the collector has said that they are on disk.
 *
 * Firefox ends what a closing page runs at any moment, mostly where it waits for storage, but runs the listeners that follow. So
 * each step up to the request forgets what it was to do when that is done, not before: the next listener does it again, under
 * the same id. The request itself is not made twice: what it carried stays on the shelf.
 *
 * @typedef {{messageId: string, context: any}} Call
 * @typedef {{status: number, retryAfter: string | null}} Answer
 * @param {ReturnType<typeof import('./shelf.js').openShelf>} shelf
 * @param {(texts: string[], lost: number, outlive: boolean) => Promise<Answer>} send
 * @param {(work: () => Promise<void>) => Promise<void>} alone runs its work while no other tab runs its own
 * @param {() => number} now
 * @param {(ms: number, work: () => void) => void} after
 * @param {() => number} chance
 * @param {() => boolean} mayCollect
 * @param {(call: any) => any} finish gives what is to be kept of a call, as JSON, if anything; it never throws
 * @param {boolean} early a call may be kept before that: what is kept is safe
 */
export function openDelivery(shelf, send, alone, now, after, chance, mayCollect, finish, early) {
  /** @type {Call[]} */
  const fresh = []
  /** @type {Call[]} what is being finished, which may make others */
  const made = []
  /** @type {Set<string>} calls that this page is to send; what other tabs are about is theirs */
  const waiting = new Set()
  let flights = 0
  let failures = 0
  let notBefore = 0
  let wakings = 0

  /** Wakes up once, at the last moment that was said. @param {number} ms */
  const wake = (ms) => {
    const mine = ++wakings
    after(Math.max(ms, notBefore - now()), () => mine == wakings && flush())
  }
  const keep = () => {
    made.push(...fresh.splice(0))
    for (const call of made) {
      const text = finish(call)
      // It may have withdrawn the consent.
      if (!text || !made[0]) continue
      waiting.add(call.messageId)
      shelf.put(call.messageId, text)
    }
    made.length = 0
    const tooMany = shelf.all().slice(0, -STORED_MAX)
    for (const [id] of tooMany) shelf.drop(id)
    shelf.lose(tooMany.length)
  }
  /** @param {number} bytesMax */
  const next = (bytesMax) => firstBatch(shelf.all().filter(([id]) => waiting.has(id)), bytesMax)

  /** @param {import('./batch.js').Stored[]} batch @param {boolean} outlive @returns {Promise<boolean>} whether to go on */
  const deliver = async (batch, outlive) => {
    for (const [id] of batch) waiting.delete(id)
    flights++
    const lost = shelf.lose(0)
    const { status, retryAfter } = await send(batch.map(([, text]) => text), lost, outlive).catch(() => /** @type {any} */ ({}))
    flights--

    const found = verdict(status)
    if (found == LATER) {
      for (const [id] of batch) waiting.add(id)
      notBefore = now() + backOff(failures++, retryAfter, chance())
      wake(0)
      return false
    }
    failures = notBefore = 0
    if (found == TOO_LARGE && batch[1]) {
      const half = batch.length >> 1
      return (await deliver(batch.slice(0, half), outlive)) && deliver(batch.slice(half), outlive)
    }
    if (found != DONE) warn([status, batch])
    for (const [id] of batch) shelf.drop(id)
    shelf.lose(found == DONE ? -lost : batch.length)
    return true
  }
  const drain = async () => {
    // What the page's own scripts have under way counts too: after a failure it is tried as a plain request.
    for (let batch; (batch = next(REQUEST_BYTES_MAX / 2))[0] && (await deliver(batch, !failures)); );
  }
  const flush = guard(() => {
    if (!fresh[0] && !waiting.size) return
    // Another tab may have heard the answer.
    if (!mayCollect()) return clear()
    // Timers ring a little early.
    if (now() < notBefore) return wake(0)
    keep()
    alone(drain)
  })
  /** Nothing more of what was collected leaves. */
  const clear = () => {
    fresh.length = made.length = 0
    wakings++
    shelf.clear()
  }
  return {
    /** @param {Call} call */
    add(call) {
      if (fresh.push(call) < 2) wake(GATHER_MS)
      if (early) shelf.put(call.messageId, JSON.stringify(call))
    },
    /** What earlier pages could not deliver is this page's to send. */
    begin() {
      for (const [id] of shelf.all()) waiting.add(id)
      flush()
    },
    /** Nothing leaves until `hurry`, but for so long at most. */
    hold: () => void (notBefore = now() + HOLD_MS),
    /** The network is back, or what was waited for is there: there is no need to wait longer. */
    hurry() {
      failures = notBefore = 0
      flush()
    },
    /** The page may be gone in a moment: what it has not sent goes as one request. What is lost then is still on the shelf. */
    leave() {
      if (!mayCollect()) return clear()
      keep()
      const batch = next(flights ? REQUEST_BYTES_MAX / 2 : REQUEST_BYTES_MAX)
      if (batch[0] && now() >= notBefore) deliver(batch, true)
    },
    clear,
  }
}
