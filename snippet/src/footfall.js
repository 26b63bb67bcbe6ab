import { openAlone } from './alone.js'
import { openAsking } from './asking.js'
import { callMaker } from './calls.js'
import { isOff, isOn } from './config.js'
import { openConsent } from './consent.js'
import { openCookies } from './cookies.js'
import { openDelivery } from './delivery.js'
import { guard } from './guard.js'
import { openLazy } from './lazy.js'
import { watchLeaving, whenLoaded } from './lifecycle.js'
import { startPages } from './pages.js'
import { openShelf } from './shelf.js'
import { openTransport } from './transport.js'
import { uuidMaker } from './uuid.js'
import { openView } from './view.js'
import { openVisitor } from './visitor.js'

/**
 * Puts the parts together: the one place that knows them all, while they do not know each other.
 *
 * @param {Window & typeof globalThis & {dataLayer?: any[]}} window
 * @param {ReturnType<typeof import('./config.js').readConfig>} config
 * @param {HTMLScriptElement | null} tag
 * @param {boolean} pinned
 */
export function openFootfall(window, config, tag, pinned) {
  const { document, navigator } = window
  const { now } = Date
  const after = (/** @type {number} */ ms, /** @type {() => void} */ work) => void setTimeout(work, ms)
  const newId = uuidMaker(now, (length) => crypto.getRandomValues(new Uint8Array(length)))
  const cookies = openCookies(document, location.protocol == 'https:', config.cookieDomain)
  const consent = openConsent(
    cookies,
    now,
    config.consent,
    config.prompt?.version ?? config.promptVersion,
    /** @type {any} */ (navigator).globalPrivacyControl,
  )
  const visitor = openVisitor(cookies, consent.mayStore, newId, now)
  const view = openView(document, location, {
    hash: isOn(config.hash),
    canonical: isOn(config.canonical),
    query: config.query?.split(/[\s,]+/),
  })
  const makeCall = callMaker(window, newId, now, visitor, view, consent)
  const send = openTransport(config.url, config.key, now)
  const alone = openAlone(navigator.locks, 'footfall')
  const delivery = openDelivery(
    openShelf(() => localStorage, config.key, consent.mayStore),
    send,
    alone.run,
    now,
    after,
    Math.random,
    consent.mayCollect,
    guard((call) => {
      const { page } = call.context
      if (call.anonymousId == former) call.anonymousId = visitor.id()
      // Frameworks set the title after the address.
      if (page.url == view.url()) page.title = document.title
      if (config.beforeSend) call = config.beforeSend(call)
      return call && JSON.stringify(call)
    }),
    !config.beforeSend,
  )

  /** @type {(() => void)[] | undefined} */
  let running
  let former = ''
  /** @type {any} starts what reads the page's `dataLayer`, once that part has come */
  let readLayer
  /** @type {any[]} */
  let person = [config.user, undefined, config.userToken]

  /** @type {typeof makeCall} */
  const record = (type, fields, token) => {
    if (consent.mayCollect()) delivery.add(makeCall(type, fields, token))
  }
  /** @param {string} event @param {object} [properties] */
  const track = (event, properties) => record('track', { event, properties })

  /** @param {string | object} [name] @param {object} [properties] */
  const page = (name, properties) =>
    record('page', typeof name == 'object' ? { properties: name } : { name, properties })

  /** @param {...any} who [userId], traits, token */
  const identify = (...who) => {
    person = who
    const [userId, traits, token] = typeof who[0] == 'object' && who[0] ? [, ...who] : who
    record('identify', { userId: userId?.toString(), traits }, token)
  }
  const reset = () => {
    person = []
    track('Signed Out')
    visitor.change()
    remember()
  }

  const load = openLazy(document, tag, config, pinned)
  /**
   * What a part begins ends with the rest; it begins nothing where that has ended before it came.
   *
   * @param {string} part @param {(feature: any) => any} begin gives what ends it
   */
  const add = (part, begin) => {
    const mine = running
    load(part, (feature) => mine == running && mine?.push(begin(feature)))
  }

  /** It is known who this is (if anybody): so they are whose calls wait. @param {string} [id] */
  const meet = (id) => {
    former = visitor.id()
    if (id) visitor.change(id)
    delivery.hurry()
  }
  const needs = { record, page, view, window, after, config, id: visitor.id, meet, allowed: consent.preferences, shown: [] }

  /** Where the site wants more than a cookie on this host. A new visitor may turn out to be known. */
  const remember = () => {
    if (!consent.mayStore() || !(config.cookieDomain || config.handover)) return
    const isNew = !visitor.kept()
    if (isNew) delivery.hold()
    add('device', (open) => open(needs, isNew))
  }

  const start = () => {
    if (running || !consent.mayCollect()) return
    visitor.renew()
    consent.renew()
    running = []
    remember()
    if (!isOff(config.auto)) {
      running.push(startPages(needs))
      for (const part of ['shop', 'behaviour']) add(part, (feature) => feature(needs))
      if (readLayer) running.push(readLayer(needs))
    }
    if (person[0]) identify(...person)
    delivery.begin()
  }

  /** Goes on, or ends, as the visitor allows now. */
  const settle = () => {
    asking.end()
    if (consent.mayCollect()) return start()
    running?.forEach((stop) => stop())
    running = undefined
    delivery.clear()
    visitor.forget()
  }
  /** @param {Record<string, boolean>} preferences @param {{version?: string}} [shown] @param {boolean} [ours] */
  const answer = (preferences, shown, ours) => {
    const before = JSON.stringify(consent.preferences())
    const known = visitor.kept()
    consent.give(preferences, ours ? shown?.version : undefined)
    const change = makeCall('track', {
      event: 'Segment Consent Preference Updated',
      properties: shown,
      anonymousId: known,
    })
    const ended = !consent.mayCollect() && known
    if (ended) send([JSON.stringify(change)], 0, true).catch(() => {})
    else if (before != JSON.stringify(consent.preferences())) delivery.add(change)
    settle()
    if (ended) asking.show('erasure', () => !consent.mayCollect(), ended)
  }
  const suppose = (/** @type {Record<string, boolean>} */ preferences) => {
    consent.suppose(preferences)
    settle()
  }
  const asking = openAsking(
    config,
    () => !consent.answered(),
    load,
    (preferences, shown) => answer(preferences, shown, true),
  )

  /** @type {Record<string, (...given: any[]) => void>} */
  const commands = {
    page,
    track,
    identify,
    reset,
    consent: (preferences, shown) => (preferences ? answer(preferences, shown) : asking.show('prompt')),
  }
  const run = guard((/** @type {any[]} */ ...[name, ...given]) => commands[name]?.(...given))

  return {
    run,
    /** @param {any[][]} kept calls that were made before: what they say of consent first counts, then the page, then the rest */
    begin: guard((/** @type {any[][]} */ kept) => {
      while (kept[0]?.[0] == 'consent') run(.../** @type {any[]} */ (kept.shift()))
      const go = () => {
        start()
        kept.splice(0).forEach((call) => run(...call))
      }
      // `?footfall-debug` and `?footfall-token=…`: parts by these names.
      const [, asked] = /[?&]footfall-(debug|token)\b/.exec(location.search) ?? []
      if (asked) {
        delivery.hold()
        load(asked, (open) => open({ ...needs, answer }))
      }
      const { dataLayer } = window
      const listen = () =>
        load('layer', (open) => {
          const read = open({ ...needs, answer, suppose })
          go()
          if (running && !isOff(config.auto)) running.push(read(needs))
          readLayer = read
        })
      if (dataLayer) listen()
      // Until the shop's own tool has been heard nobody has allowed anything.
      if (dataLayer?.some?.((said) => said?.[0] == 'consent') && !consent.answered()) consent.suppose({ Analytics: false })
      else go()
      whenLoaded(window, () => {
        if (window.dataLayer && !dataLayer) listen()
        asking.begin()
      })
      watchLeaving(window, guard(() => (delivery.leave(), alone.release())), delivery.hurry)
    }),
  }
}
