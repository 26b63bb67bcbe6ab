import { isOff } from '../config.js'
import { isFirstShown } from '../shown.js'
import { callsOf } from './calls.js'
import { hearLayer } from './hearing.js'
import { preferencesOf } from './preferences.js'

const KEPT_MAX = 300
/** What tells of the page that is looked at, and not of an act before the grant. */
const VIEWS = ['Product Viewed', 'Product List Viewed', 'Promotion Viewed', 'Cart Viewed']

/**
 * Reads the page's `dataLayer`. Google Consent Mode counts at once: a default holds until the visitor answers, here or on an
 * earlier page; an update is the visitor's answer. The shop's events wait for the reader that this gives back, and of those
 * that came before a grant only what the page shows is told.
 *
 * @typedef {Record<string, boolean>} Preferences
 * @param {{window: any, config: any, view: ReturnType<typeof import('../view.js').openView>, answer: (preferences: Preferences) => void,
 *   suppose: (preferences: Preferences) => void}} needs
 * @returns {(needs: {record: (type: string, fields: object) => void, shown: any[]}) => () => void} starts to tell; right now: as
 *   if it had been there from the first
 */
export function openLayer({ window, config, view, answer, suppose }) {
  /** @type {[kind: string, states: Record<string, any>][]} */
  const said = []
  /** @type {[url: string, entry: any][]} */
  let waiting = []
  /** @type {((entry: any, late?: boolean) => void) | undefined} */
  let tell
  let late = false

  const heedConsent = () => {
    const answered = said.some(([kind]) => kind == 'update')
    if (!isOff(config.consentMode)) (answered ? answer : suppose)(preferencesOf(said))
  }
  const look = hearLayer(window, (entry, before) => {
    if (entry[0] == 'consent') {
      said.push([entry[1], entry[2] ?? {}])
      if (!before) heedConsent()
    } else if (tell) tell(entry)
    else waiting = [...waiting.slice(1 - KEPT_MAX), [view.url(), entry]]
  })
  window.addEventListener('load', look)
  if (said[0]) heedConsent()
  Promise.resolve().then(() => (late = true))

  return ({ record, shown }) => {
    tell = (entry, late) => {
      for (const [event, properties, userId] of callsOf(entry)) {
        if (late && !VIEWS.includes(event)) continue
        if (event != 'Product Viewed' || isFirstShown(shown, properties)) record('track', { event, properties, userId })
      }
    }
    for (const [url, entry] of waiting.splice(0)) if (!late || url == view.url()) tell(entry, late)
    const unwatch = view.watch(() => {
      shown.length = 0
      look()
    })
    return () => {
      tell = undefined
      unwatch()
    }
  }
}
