import { guard } from '../guard.js'
import { isFirstShown } from '../shown.js'
import { productOf } from './product.js'

const SETTLE_MS = 100

/**
 * `Product Viewed` from the page's schema.org data, once for each address; also where a single-page app brings the data later.
 * What the page before had already shown is not this page's.
 *
 * @param {{record: (type: string, fields: object) => void, shown: any[], view: ReturnType<typeof import('../view.js').openView>,
 *   window: Window, after: (ms: number, work: () => void) => void}} needs
 * @returns {() => void}
 */
export function startProducts({ record, shown, view, window: { document }, after }) {
  let url = ''
  let told = false
  let waiting = false
  /** @type {string[]} */
  let seen = []
  /** @type {string[]} */
  let stale = []

  const look = guard(() => {
    waiting = false
    if (view.url() != url) {
      url = view.url()
      told = false
      stale = seen
    }
    if (told) return
    seen = [...document.querySelectorAll('script[type="application/ld+json"]')].map((node) => node.textContent ?? '')
    const product = productOf(seen.filter((text) => !stale.includes(text)).map(parsed), url)
    if (product) {
      told = true
      if (isFirstShown(shown, product)) record('track', { event: 'Product Viewed', properties: product })
    }
  })
  const soon = () => {
    if (!waiting) after(SETTLE_MS, look)
    waiting = true
  }
  const unwatch = view.watch(() => {
    told = false
    shown.length = 0
    soon()
  })
  const observer = new MutationObserver(soon)
  observer.observe(document, { childList: true, subtree: true })
  look()
  return () => {
    observer.disconnect()
    unwatch()
  }
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {}
}
