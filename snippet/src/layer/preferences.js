/** Our purposes by Google's kinds of storage: https://developers.google.com/tag-platform/security/concepts/consent-mode */
const KINDS = {
  Analytics: /^analytics_storage$/,
  Marketing: /^ad_/,
  Personalisation: /^personalization_/,
}

/**
 * What all commands so far allow: a purpose is granted if every kind of storage that was spoken of for it is. Of defaults the
 * denials count first, and of those for regions nothing else, for who is where is not known here; updates count over defaults.
 *
 * @param {[kind: string, states: Record<string, any>][]} said
 * @returns {Record<string, boolean>}
 */
export function preferencesOf(said) {
  /** @type {Record<string, boolean>} */
  const supposed = {}
  /** @type {Record<string, boolean>} */
  const answered = {}
  for (const [kind, states] of said) {
    for (const [name, state] of Object.entries(states)) {
      const granted = state == 'granted'
      if (kind == 'update') answered[name] = granted
      else if (!granted || !states.region) supposed[name] = granted && supposed[name] !== false
    }
  }
  /** @type {Record<string, boolean>} */
  const preferences = {}
  for (const [name, granted] of Object.entries({ ...supposed, ...answered })) {
    for (const [purpose, kinds] of Object.entries(KINDS)) {
      if (kinds.test(name)) preferences[purpose] = granted && preferences[purpose] !== false
    }
  }
  return preferences
}
