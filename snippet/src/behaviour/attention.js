import { isOff } from '../config.js'
import { guard } from '../guard.js'
import { uuidMaker } from '../uuid.js'
import { listen } from './listening.js'

const ACTS = ['pointermove', 'pointerdown', 'keydown', 'scroll', 'wheel', 'touchstart']
/** For so long an act counts as attention. */
const IDLE_MS = 30_000
/** After so long a pause it is another visit. */
const PAUSE_MS = 30 * 60_000
const DAY_MS = 864e5
const LOOK_MS = 500

/**
 * Attention, told as the page leaves (also for a while, or to another address within the document): `Page Left` with
 * `engaged_seconds`, in which the page was to be seen and the visitor did something now and then, and `scroll_percent`, how far
 * down it was seen. Its time is when the attention ended: a forgotten tab makes no visit longer. Who comes back
 * is told of again, by the seconds since.
 *
 * @param {{record: (type: string, fields: object) => void, view: ReturnType<typeof import('../view.js').openView>,
 *   window: Window, config: any, now?: () => number}} needs
 * @returns {() => void}
 */
export function startAttention({ record, view, window, config, now = Date.now }) {
  const { document } = window
  if (isOff(config.attention)) return () => {}
  const newId = uuidMaker(now, (length) => crypto.getRandomValues(new Uint8Array(length)))
  let here = view.context()
  let engagedMs = 0
  let percent = 0
  let last = now()
  let looked = 0
  /** @type {any} */
  let untold
  let seen = document.visibilityState != 'hidden'

  const look = () => {
    const { scrollHeight } = document.documentElement
    if (here.page.url != view.url() || !scrollHeight) return
    here = view.context()
    percent = Math.max(percent, Math.min(100, Math.round(((window.scrollY + window.innerHeight) / scrollHeight) * 100)))
  }
  /** A closing page may be cut off while it tells. Then the next listener tells it again, under the same id. */
  const say = () => {
    if (untold) record('track', untold)
    untold = undefined
  }
  /** Attention since it was last looked at. */
  const since = () => Math.min(now() - last, IDLE_MS)
  const act = () => {
    if (now() - last >= PAUSE_MS) tell()
    else if (seen) engagedMs += since()
    last = now()
    if (last - looked < LOOK_MS) return
    looked = last
    look()
  }
  const tell = () => {
    look()
    const ended = last + since()
    if (seen) engagedMs += since()
    last = now()
    const seconds = Math.floor(engagedMs / 1000)
    if (!seconds || now() - ended > DAY_MS) return
    engagedMs %= 1000
    untold = {
      messageId: newId(),
      event: 'Page Left',
      timestamp: new Date(ended),
      properties: { engaged_seconds: seconds, scroll_percent: percent },
      context: here,
    }
    say()
  }
  const stops = [
    listen(window, ACTS, act),
    listen(window, ['visibilitychange', 'pagehide'], (event) => {
      say()
      if (seen) tell()
      seen = event.type != 'pagehide' && document.visibilityState != 'hidden'
      last = now()
    }),
    listen(window, ['pageshow'], () => (seen = true)),
    view.watch(
      guard(() => {
        if (seen) tell()
        here = view.context()
        engagedMs = percent = looked = 0
      }),
    ),
  ]
  return () => stops.forEach((stop) => stop())
}
