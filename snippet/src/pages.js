import { pageOf } from './address.js'
import { guard } from './guard.js'

/**
 * Page views: the one that is there, then each change of the address within the document, and each return from the
 * back/forward cache. What does not change the address is no new page.
 *
 * @param {{page: () => void, view: ReturnType<typeof import('./view.js').openView>, window: Window}} needs
 * @returns {() => void} makes it deaf; what it has hooked stays hooked, for others may have hooked it since
 */
export function startPages({ page, view, window }) {
  let on = true
  let url = view.url()

  const look = guard((/** @type {boolean} */ again, from = url) => {
    const now = view.url()
    if (!on || (pageOf(now) == pageOf(url) && !again)) return
    url = now
    view.move(from)
    page()
  })
  for (const name of /** @type {const} */ (['pushState', 'replaceState'])) {
    const original = window.history[name]
    window.history[name] = function (...change) {
      original.apply(this, change)
      look(false)
    }
  }
  window.addEventListener('popstate', () => look(false))
  window.addEventListener('pageshow', (event) => event.persisted && look(true, ''))
  page()
  return () => (on = false)
}
