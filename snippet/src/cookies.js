/**
 * First-party cookies on the domain that the site names, else on this host. Where the browser keeps none (a sandboxed
 * frame, a private mode) they live as long as the page.
 *
 * @typedef {{get(name: string): string | undefined, set(name: string, value: string, ageS: number): void,
 *   drop(name: string): void}} Cookies
 * @param {Pick<Document, 'cookie'>} document
 * @param {boolean} secure
 * @param {string} [domain]
 * @returns {Cookies}
 */
export function openCookies(document, secure, domain) {
  /** @type {Record<string, string>} */
  const kept = {}

  /** @param {string} name */
  const read = (name) => {
    try {
      return document.cookie.split('; ').find((cookie) => cookie.startsWith(name + '='))?.slice(name.length + 1)
    } catch {}
  }
  /** @param {string} name @param {string} value @param {number} ageS @param {string} [domain] */
  const write = (name, value, ageS, domain) => {
    try {
      document.cookie = `${name}=${value}; path=/; max-age=${ageS | 0}; samesite=lax` +
        (secure ? '; secure' : '') + (domain ? '; domain=' + domain : '')
    } catch {}
  }
  return {
    get: (name) => read(name) ?? kept[name],
    set(name, value, ageS) {
      write(name, value, ageS, domain)
      if (read(name) == value) return
      write(name, value, ageS)
      if (read(name) != value) kept[name] = value
    },
    drop(name) {
      delete kept[name]
      write(name, '', 0, domain)
      write(name, '', 0)
    },
  }
}
