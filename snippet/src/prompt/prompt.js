import { fingerprint } from '../config.js'
import { LOOK } from './look.js'
import { TEXTS } from './texts.js'
import { wordingOf } from './wording.js'

/**
 * Asks the visitor, at the foot of the page: a region that takes no focus from what the visitor is about and hides nothing for
 * good, with two answers of equal weight; where each purpose has a text of its own, each can be chosen. All text is set as
 * text, never as HTML.
 *
 * @param {{config: any, answer: (preferences: Record<string, boolean>, shown: object) => void}} needs
 * @returns {() => undefined} takes it away
 */
export function openPrompt({ config, answer }) {
  const { version, purposes = ['Analytics'], texts } = settingsOf(config)
  const [language, { title, text, accept, refuse, link, href, choose, purposes: told = {} }] = wordingOf(texts, [document.documentElement.lang, ...navigator.languages])
  const host = document.createElement('footfall-consent')
  const root = host.attachShadow({ mode: 'open' })

  /** @param {string} name @param {Node} parent @param {string} [text] @returns {any} */
  const put = (name, parent, text) => {
    const element = document.createElement(name)
    element.textContent = text ?? ''
    return parent.appendChild(element)
  }
  const region = put('section', root)
  region.lang = language
  region.setAttribute('aria-label', title ?? text)
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
  const choice = (label, granted) => {
    const button = put('button', buttons, label)
    button.type = 'button'
    button.onclick = () =>
      answer(Object.fromEntries(purposes.map((purpose) => [purpose, granted(purpose)])), { text: shown, language, version })
  }
  choice(refuse, () => false)
  if (choose) choice(choose, (purpose) => boxes[purpose].checked)
  choice(accept, () => true)

  const sheet = new CSSStyleSheet()
  sheet.replaceSync(LOOK)
  root.adoptedStyleSheets = [sheet]
  document.body.prepend(host)
  return () => void host.remove()
}

/**
 * @param {any} config
 * @returns {{version: string, purposes?: string[], texts: Record<string, import('./wording.js').Wording>}}
 */
function settingsOf(config) {
  const given = typeof config.prompt == 'object' ? config.prompt : typeof ffSites == 'object' ? ffSites[fingerprint(config.key)] : {}
  const standard = Object.entries(TEXTS).map(([language, [text, accept, refuse]]) => [language, { text, accept, refuse }])
  return { version: '1', texts: Object.fromEntries(standard), ...given }
}
