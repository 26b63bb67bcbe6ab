import { publicAddress } from '../address.js'
import { isOff } from '../config.js'
import { isSecondDomain } from '../domains.js'
import { listen } from './listening.js'

const FILE = /\.(pdf|docx?|xlsx?|pptx?|od[tsp]|csv|txt|rtf|epub|zip|rar|7z|t?gz|dmg|pkg|exe|msi|apk|mp[34]|m4[av]|mov|avi|wav|ics|vcf|stl|dwg)$/i

/**
 * Links that lead elsewhere and files that are taken home, as they are clicked; by which button or key does not matter.
 *
 * @param {{record: (type: string, fields: object) => void, window: Window, config: any}} needs
 * @returns {() => void}
 */
export function startLinks({ record, window, config }) {
  if (isOff(config.links)) return () => {}
  return listen(window, ['click', 'auxclick'], (happened) => {
    if (happened.button > 1) return
    const link = happened.composedPath().find((/** @type {any} */ node) => /^a(rea)?$/i.test(node.tagName) && node.href)
    const url = new URL(link?.href.baseVal ?? link?.href ?? '', window.location.href)
    if (!link || !/^http/.test(url.protocol)) return
    url.hash = url.username = url.password = ''
    const { host, pathname } = url
    const href = publicAddress(url.href)
    const file = link.hasAttribute('download') || FILE.test(pathname)
    if (file) record('track', { event: 'File Downloaded', properties: { href, name: pathname.replace(/.*\//, '') } })
    else if (host != window.location.host && !isSecondDomain(config, url, window.location)) record('track', { event: 'Outbound Link Clicked', properties: { href, host } })
  })
}
