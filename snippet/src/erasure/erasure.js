import { ask } from '../asked.js'
import { isOff } from '../config.js'
import { guard } from '../guard.js'
import { openRegion } from '../region/region.js'
import { settingsOf } from '../region/settings.js'
import { wordingOf } from '../region/wording.js'
import { TEXTS } from './texts.js'

/**
 * Offers whoever has withdrawn to have erased what this browser told. Their id is held here alone, as long as the offer
 * stands: the device keeps it no longer.
 *
 * @param {{config: any, id: string, end: () => void}} needs `end` takes it away
 * @returns {(() => undefined) | void} takes it away
 */
export function openErasure({ config, id, end }) {
  if (isOff(config.erasure)) return
  const [language, { text, erase, close: no, erased, failed }] = wordingOf(textsOf(config), [document.documentElement.lang, ...navigator.languages])
  const { region, put, button, close } = openRegion('footfall-erasure', language, erase)

  const told = put('p', region, text)
  told.setAttribute('role', 'status')
  const buttons = put('div', region)
  const closing = button(buttons, no, end)
  let asked = false
  const erasing = button(buttons, erase, guard(async () => {
    if (asked) return
    asked = true
    const { receipt } = await ask(config, 'v1/forget', { anonymousId: id })
    told.textContent = receipt ? `${erased} (${receipt.slice(0, 12)})` : failed
    asked = Boolean(receipt)
    if (!receipt) return
    if (region.getRootNode().activeElement == erasing) closing.focus()
    erasing.remove()
  }))
  return close
}

/** @param {any} config @returns {Record<string, any>} the site's own, where it has them for this too; by language */
function textsOf(config) {
  const own = Object.entries(settingsOf(config).texts ?? {}).filter(([, { erasure }]) => erasure)
  const standard = Object.entries(TEXTS).map(([language, [text, erase, close, erased, failed]]) => [language, { text, erase, close, erased, failed }])
  return Object.fromEntries(own.length ? own.map(([language, { erasure }]) => [language, erasure]) : standard)
}
