import { guard } from './guard.js'

/**
 * Page views: the one that is there, then each change of the address within the document, and each return from the
 * back/forward cache. What does not change the address is no new page.
 *
 * @param {{page: () => void, view: ReturnType<typeof import('./view.js').openView>, window: Window}} needs
 * @returns {() => void}
 */
export function startPages({ page, view, window }) {
  const { history } = window
  let url = view.url()

  const look = guard(() => {
    if (view.url() == url) return
    view.move(url)
    url = view.url()
    page()
  })
  const returned = guard((/** @type {PageTransitionEvent} */ event) => {
    if (!event.persisted) return
    view.move('')
    url = view.url()
    page()
  })
  const undo = [hook(history, 'pushState', look), hook(history, 'replaceState', look)]
  window.addEventListener('popstate', look)
  window.addEventListener('pageshow', returned)
  page()

  return () => {
    undo.forEach((put) => put())
    window.removeEventListener('popstate', look)
    window.removeEventListener('pageshow', returned)
  }
}

/** @param {History} history @param {'pushState' | 'replaceState'} name @param {() => void} after */
function hook(history, name, after) {
  const original = history[name]
  let on = true
  /** @this {History} @param {Parameters<History['pushState']>} change */
  const hooked = function (...change) {
    const result = original.apply(this, change)
    if (on) after()
    return result
  }
  history[name] = hooked
  return () => {
    on = false
    if (history[name] == hooked) history[name] = original
  }
}
