import { LOOK } from './look.js'

/**
 * A region at the foot of the page, which takes no focus from what the visitor is about and hides nothing for good. All text is
 * set as text, never as HTML; the page's own style does not reach it.
 *
 * @param {string} name of its element
 * @param {string} language
 * @param {string} label
 */
export function openRegion(name, language, label) {
  const host = document.createElement(name)
  const root = host.attachShadow({ mode: 'open' })

  /** @param {string} name @param {Node} parent @param {string} [text] @returns {any} */
  const put = (name, parent, text) => {
    const element = document.createElement(name)
    element.textContent = text ?? ''
    return parent.appendChild(element)
  }
  const region = put('section', root)
  region.lang = language
  region.setAttribute('aria-label', label)

  const sheet = new CSSStyleSheet()
  sheet.replaceSync(LOOK)
  root.adoptedStyleSheets = [sheet]
  document.body.prepend(host)
  return {
    region,
    put,
    /** @param {Node} parent @param {string} label @param {() => void} pressed */
    button(parent, label, pressed) {
      const button = put('button', parent, label)
      button.type = 'button'
      button.onclick = pressed
      return button
    },
    close: () => void host.remove(),
  }
}
