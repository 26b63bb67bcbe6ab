import { LOOK } from './look.js'

/**
 * Lists each call, newest first, and what became of it: waiting, on its way, and what the collector answered. Reads what the snippet
 * sends and keeps; changes nothing. All text is set as text.
 *
 * @param {{config: any, id: () => string, allowed: () => Record<string, boolean>, meet: (id?: string) => void,
 *   window: Window & typeof globalThis}} needs
 */
export function inspect({ config, id, allowed, meet, window }) {
  const { document, localStorage } = window
  const host = document.createElement('footfall-debug')
  const root = host.attachShadow({ mode: 'open' })
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(LOOK)
  root.adoptedStyleSheets = [sheet]

  /** @param {string} name @param {Node} parent @param {string} [text] @returns {any} */
  const put = (name, parent, text = '') => {
    const element = document.createElement(name)
    element.textContent = text
    return parent.appendChild(element)
  }
  const region = put('section', root)
  region.setAttribute('aria-label', 'Footfall inspector')
  const close = put('button', region, '×')
  close.setAttribute('aria-label', 'Close')
  close.onclick = () => host.remove()
  put('h2', region, 'Footfall')
  const about = put('p', region)
  const list = put('ol', region)
  /** @type {Map<string, any>} */
  const rows = new Map()

  /** @param {any} call @param {string} state */
  const show = (call, state) => {
    const { Analytics } = allowed()
    const consent = Analytics ?? config.consent != 'opt-in'
    about.textContent = consent ? `${config.key} · visitor ${id()}` : `${config.key} · waits for consent`
    if (!call) return
    let row = rows.get(call.messageId)
    if (!row) {
      row = document.createElement('li')
      rows.set(call.messageId, row)
      list.prepend(row)
      row.state = put('b', row)
      const details = put('details', row)
      put('summary', details, [call.type, call.event ?? call.name ?? call.userId].filter(Boolean).join(' · '))
      put('pre', details, JSON.stringify(call, null, 1))
    }
    row.state.textContent = row.state.className = state
  }
  const { fetch } = window
  window.fetch = async (/** @type {any} */ ...request) => {
    const calls = String(request[0]).startsWith(config.url) ? callsIn(request[1]?.body) : []
    for (const call of calls) show(call, 'sent')
    try {
      const answer = await fetch.apply(window, /** @type {any} */ (request))
      for (const call of calls) show(call, answer.ok ? 'acknowledged' : 'answer ' + answer.status)
      return answer
    } catch (error) {
      for (const call of calls) show(call, 'no answer')
      throw error
    }
  }
  try {
    for (const [key, text] of Object.entries(localStorage)) {
      if (key.startsWith(`footfall:${config.key}:`)) show(JSON.parse(text), 'waiting')
    }
  } catch {}
  show(undefined, '')
  document.body.append(host)
  meet()
}

/** @param {unknown} body @returns {any[]} */
function callsIn(body) {
  try {
    return JSON.parse(String(body)).batch ?? []
  } catch {
    return []
  }
}
