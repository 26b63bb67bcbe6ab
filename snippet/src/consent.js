const NAME = 'footfall_consent'
const AGE_MS = 180 * 864e5

/**
 * What the visitor allows. The answer is a cookie without any id: [preferences, time, version of the text, whether Global
 * Privacy Control was on]. Where nothing is collected without a yes, a no that the shop's own tool gave needs no cookie.
 *
 * @typedef {Record<string, boolean>} Preferences
 * @param {import('./cookies.js').Cookies} cookies
 * @param {() => number} now
 * @param {string} mode
 * @param {string} [version] of the prompt's text
 * @param {boolean} [privacyControl]
 */
export function openConsent(cookies, now, mode, version, privacyControl) {
  /** @type {Preferences} */
  let supposed = {}

  /** @returns {[Preferences, number, string?, boolean?] | undefined} */
  const answer = () => {
    try {
      const said = JSON.parse(decodeURIComponent(cookies.get(NAME) ?? 'null'))
      return said?.[1] > now() - AGE_MS && (!said[2] || !version || said[2] == version) ? said : undefined
    } catch {}
  }
  /** @returns {Preferences} */
  const preferences = () => {
    const [given, , , despite] = answer() ?? [supposed]
    return privacyControl && !despite ? { ...given, Analytics: false } : given
  }
  /** @param {[Preferences, number, string?, boolean?]} said */
  const keep = (said) => cookies.set(NAME, encodeURIComponent(JSON.stringify(said)), (said[1] + AGE_MS - now()) / 1000)

  return {
    preferences,
    /** Whether there is nothing to ask. */
    answered: () => 'Analytics' in preferences(),
    mayStore: () => preferences().Analytics ?? mode == 'opt-out',
    mayCollect: () => preferences().Analytics ?? mode != 'opt-in',
    /** What holds as long as the visitor has not answered. @param {Preferences} preferences */
    suppose: (preferences) => (supposed = preferences),
    /**
     * @param {Preferences} changed
     * @param {string} [version] the text that was answered, if it was ours
     */
    give(changed, version) {
      /** @type {Preferences} */
      const given = { ...preferences(), ...changed }
      for (const purpose in given) given[purpose] = given[purpose] === true
      if (given.Analytics || mode != 'opt-in' || version) keep([given, now(), version, privacyControl])
      else {
        cookies.drop(NAME)
        supposed = given
      }
    },
    /** As the visitor's cookie: set again to the same end. */
    renew() {
      const said = answer()
      if (said) keep(said)
    },
  }
}
