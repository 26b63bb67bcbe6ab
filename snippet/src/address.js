/** What an advertisement adds: it tells of the way here, not of another page. */
const CAMPAIGN = /^utm_|clid=|^([gw]braid|li_fat_id|rdt_cid|ScCid|epik|igsh(id)?|tblci)=/
/** Parameters that are somebody's, or open something: by their name, or by what they hold. */
const PRIVATE = /(mail|phone|token|passw|secret|session|oauth|jwt).*=|@|=[\w.~+/=-]{40}/i

/**
 * An address as it may leave the browser: without parameters that look personal, or, where the site lists parameters, with these
 * alone. Those of campaigns stay.
 *
 * @param {string} href
 * @param {string[]} [listed]
 */
export const publicAddress = (href, listed) =>
  filtered(href, (pair, name) => CAMPAIGN.test(pair) || (listed ? listed.includes(name) : !PRIVATE.test(pair)))

/** What tells one page from another. @param {string} href */
export const pageOf = (href) => filtered(href, (pair) => !CAMPAIGN.test(pair))

/** @param {string} href @param {(pair: string, name: string) => boolean} keep */
function filtered(href, keep) {
  if (!href.includes('?')) return href
  try {
    const url = new URL(href)
    for (const [name, value] of [...url.searchParams]) if (!keep(name + '=' + value, name)) url.searchParams.delete(name)
    return url.href
  } catch {
    return ''
  }
}
