import { openRegion } from '../region/region.js'
import { settingsOf } from '../region/settings.js'
import { wordingOf } from '../region/wording.js'
import { TEXTS } from './texts.js'

/**
 * @typedef {{title?: string, text: string, accept: string, refuse: string, link?: string, href?: string,
 *   choose?: string, purposes?: Record<string, string>}} Wording
 *
 * Asks the visitor, with two answers of equal weight; where each purpose has a text of its own, each can be chosen.
 *
 * @param {{config: any, answer: (preferences: Record<string, boolean>, shown: object) => void}} needs
 * @returns {() => undefined} takes it away
 */
export function openPrompt({ config, answer }) {
  const standard = Object.entries(TEXTS).map(([language, [text, accept, refuse]]) => [language, { text, accept, refuse }])
  const { version = '1', purposes = ['Analytics'], texts = Object.fromEntries(standard) } = settingsOf(config)
  /** @type {[string, Wording]} */
  const [language, { title, text, accept, refuse, link, href, choose, purposes: told = {} }] = wordingOf(texts, [document.documentElement.lang, ...navigator.languages])
  const { region, put, button, close } = openRegion('footfall-consent', language, title ?? text)

  if (title) put('h2', region, title)
  const paragraph = put('p', region, text + ' ')
  if (link && /^(https?:|\/)/.test(href ?? '')) put('a', paragraph, link).href = href
  /** @type {Record<string, HTMLInputElement>} */
  const boxes = {}
  for (const purpose of choose ? purposes : []) {
    const label = put('label', region)
    boxes[purpose] = put('input', label)
    boxes[purpose].type = 'checkbox'
    put('span', label, told[purpose] ? purpose + ': ' + told[purpose] : purpose)
  }
  const shown = [text, ...Object.entries(told).map((each) => each.join(': '))].join('\n')
  const buttons = put('div', region)
  /** @param {string} label @param {(purpose: string) => boolean} granted */
  const choice = (label, granted) =>
    button(buttons, label, () =>
      answer(Object.fromEntries(purposes.map((purpose) => [purpose, granted(purpose)])), { text: shown, language, version }),
    )
  choice(refuse, () => false)
  if (choose) choice(choose, (purpose) => boxes[purpose].checked)
  choice(accept, () => true)
  return close
}
