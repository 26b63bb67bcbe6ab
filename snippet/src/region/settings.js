import { fingerprint } from '../config.js'

/**
 * What the site has set for what it says to visitors: on the page, else at the collector. {} where it has set nothing.
 *
 * @param {any} config
 * @returns {{version?: string, purposes?: string[], texts?: Record<string, any>}}
 */
export const settingsOf = (config) =>
  (typeof config.prompt == 'object' ? config.prompt : typeof ffSites == 'object' && ffSites[fingerprint(config.key)]) || {}
