import { campaignOf } from './campaign.js'

/**
 * The page that the visitor looks at, as calls tell of it. The first one keeps the referrer and the campaign of the landing,
 * however late it is told; of a later one in the same document the referrer is the page before.
 *
 * @param {Pick<Document, 'referrer' | 'title'>} document
 * @param {Pick<Location, 'href' | 'pathname' | 'search'>} location
 * @param {{hash?: boolean}} config `hash`: the part behind # tells pages apart
 */
export function openView(document, location, { hash }) {
  const url = () => (hash ? location.href : location.href.split('#')[0])
  let campaign = campaignOf(location.search)
  let referrer = document.referrer
  /** @type {Set<() => void>} */
  const watchers = new Set()

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
    context: () => ({
      page: { url: url(), path: location.pathname, search: location.search, title: document.title, referrer },
      campaign,
    }),
  }
}
