/**
 * The settings: what `footfallConfig` says comes before the tag's `data-` attributes (which tag managers strip), these before
 * what the collector put around the script.
 *
 * @typedef {{key?: string, url?: string, consent?: string, consentMode?: string, prompt?: any, erasure?: string | boolean, cookieDomain?: string,
 *   auto?: string | boolean, attention?: string | boolean, links?: string | boolean, search?: string,
 *   hash?: string | boolean, canonical?: string | boolean, query?: string, user?: string, userToken?: string, handover?: string,
 *   beforeSend?: (call: any) => any, debug?: boolean}} Config
 * @param {HTMLScriptElement | null} tag
 * @param {Config} given
 * @param {Record<string, [string?, string?, string?]>} sites
 * @returns {Config & {url: string, file: string, key: string, consent: string, promptVersion?: string}}
 */
export function readConfig(tag, given, sites) {
  const said = { ...tag?.dataset, ...given }
  const [consent, cookieDomain, promptVersion] = sites[fingerprint(said.key + '')] ?? []
  const [, url = '', file = 'f'] = /^(.*\/)([^/.?]*)/.exec(tag?.src ?? '') ?? []
  return /** @type {any} */ ({
    cookieDomain,
    ...said,
    promptVersion,
    file,
    consent: said.consent || consent || 'opt-in',
    url: (said.url ?? url).replace(/\/?$/, '/'),
  })
}

/** @param {unknown} setting whether it is there and not said to be off */
export const isOn = (setting) => setting != undefined && !isOff(setting)

/** @param {unknown} setting whether it is said to be off */
export const isOff = (setting) => setting === false || setting == 'off' || setting == 'false'

/**
 * By this the collector lists its sites' settings: a reader of the script learns no key (FNV-1a, 32 bits).
 *
 * @param {string} key
 */
export function fingerprint(key) {
  let hash = 0x811c9dc5
  for (const letter of key) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193)
  return (hash >>> 0).toString(36)
}
