import { publicAddress } from './address.js'
import { campaignOf } from './campaign.js'

/**
 * The page that the visitor looks at, as calls tell of it. The first one keeps the referrer and the campaign of the landing,
 * however late it is told; of a later one in the same document the referrer is the page before.
 *
 * @param {Pick<Document, 'referrer' | 'title' | 'querySelector'>} document
 * @param {Pick<Location, 'href' | 'search'>} location
 * @param {{hash?: boolean, canonical?: boolean, query?: string[]}} config `hash`: the part behind # tells pages apart;
 *   `canonical`: the address that the page says is its own; `query`: the only parameters that are told
 */
export function openView(document, location, { hash, canonical, query }) {
  let campaign = campaignOf(location.search)
  let referrer = publicAddress(document.referrer, query)
  /** @type {Set<() => void>} */
  const watchers = new Set()

  const url = () => {
    const link = /** @type {HTMLLinkElement | null} */ (canonical && document.querySelector('link[rel=canonical]'))
    const href = publicAddress(link?.href || location.href, query)
    return hash ? href : href.split('#')[0]
  }
  return {
    url,
    /** @param {string} from the page before, or '' */
    move(from) {
      referrer = from
      campaign = campaignOf(location.search)
      for (const watcher of watchers) watcher()
    },
    /** @param {() => void} watcher called after each move @returns {() => void} */
    watch(watcher) {
      watchers.add(watcher)
      return () => void watchers.delete(watcher)
    },
    context() {
      const { href, pathname, search } = new URL(url())
      return { page: { url: href, path: pathname, search, title: document.title, referrer }, campaign }
    },
  }
}
