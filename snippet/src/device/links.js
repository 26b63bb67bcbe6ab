import { ask } from '../asked.js'
import { isSecondDomain } from '../domains.js'
import { guard } from '../guard.js'

const NAME = 'footfall-token'
const FRESH_MS = 15_000

/**
 * Takes the visitor along to the site's other domains: a link or form that leads there gets a token for one use, fetched as soon as
 * somebody is about to follow it. What has not come in time is left out; nothing is ever held up.
 *
 * @param {{config: any, id: () => string, allowed: () => Record<string, boolean>, window: Window,
 *   after: (ms: number, work: () => void) => void}} needs
 * @returns {(() => void) | undefined}
 */
export function startLinks({ config, id, allowed, window: { document, location }, after }) {
  if (!config.handover) return
  let token = ''
  let fetched = 0

  /** @param {Event} event @returns {any} a link or form that leads to another of the domains */
  const leading = (event) => {
    const node = /** @type {any} */ (event.composedPath()[0])?.closest?.('a[href],area[href],form')
    return node && isSecondDomain(config, new URL(node.href ?? node.action, location.href), location) && node
  }
  const prepare = guard((/** @type {Event} */ event) => {
    if (!leading(event) || Date.now() - fetched < FRESH_MS) return
    fetched = Date.now()
    void ask(config, 'v1/handover', { anonymousId: id(), preferences: allowed() }).then((told) => (token = told.token ?? ''))
  })
  const take = guard((/** @type {Event} */ event) => {
    const node = leading(event)
    if (!node || !token || (event.type == 'submit') != (node.localName == 'form')) return
    if (Date.now() - fetched < FRESH_MS) after(0, lend(node, token))
    token = ''
    fetched = 0
  })
  const events = ['pointerover', 'pointerdown', 'focusin']
  for (const name of events) document.addEventListener(name, prepare, true)
  const takings = ['click', 'auxclick', 'submit']
  for (const name of takings) document.addEventListener(name, take, true)
  return () => {
    for (const name of events) document.removeEventListener(name, prepare, true)
    for (const name of takings) document.removeEventListener(name, take, true)
  }
}

/** Puts the token on a link or form. @param {any} node @param {string} token @returns {() => void} takes it off again */
function lend(node, token) {
  if (node.localName == 'form' && node.method == 'get') {
    const field = Object.assign(document.createElement('input'), { type: 'hidden', name: NAME, value: token })
    node.append(field)
    return () => field.remove()
  }
  const name = node.localName == 'form' ? 'action' : 'href'
  const before = node.getAttribute(name)
  const url = new URL(before, location.href)
  url.searchParams.set(NAME, token)
  node.setAttribute(name, url.href)
  return () => node.getAttribute(name) == url.href && node.setAttribute(name, before)
}
