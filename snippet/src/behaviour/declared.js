import { amount } from '../layer/products.js'
import { listen } from './listening.js'

const PREFIX = 'data-ff-'
const NUMBERS = /(price|quantity|value|total|revenue|discount|tax|shipping|position|step|score|scale|results)$/

/**
 * Events that the page declares: `data-ff-event="Product Added" data-ff-sku="h-1"` on what is clicked, or on a form that is sent.
 *
 * @param {{record: (type: string, fields: object) => void, window: Window}} needs
 * @returns {() => void}
 */
export function startDeclared({ record, window }) {
  return listen(window, ['click', 'submit'], (happened) => {
    /** @type {any[]} */
    const path = happened.composedPath().filter((/** @type {any} */ node) => node.getAttribute)
    const declares = path.findIndex(
      (node) => node.getAttribute(PREFIX + 'event') && (node.tagName == 'FORM') == (happened.type == 'submit'),
    )
    if (declares < 0) return
    const { event, ...properties } = propertiesOf(path.slice(declares))
    record('track', { event, properties })
  })
}

/**
 * What an element and those around it say; the nearest counts. A form's field `quantity` is the quantity.
 *
 * @param {any[]} path from the element outwards
 * @returns {any}
 */
export function propertiesOf(path) {
  const quantity = amount(path[0].elements?.quantity?.value)
  /** @type {any} */
  const properties = quantity ? { quantity } : {}
  for (const node of path.reverse()) {
    for (const { name, value } of [...node.attributes]) {
      if (name.startsWith(PREFIX)) properties[name.slice(PREFIX.length).replace(/-/g, '_')] = valueOf(name, value)
    }
  }
  return properties
}

/** @param {string} name @param {string} text */
function valueOf(name, text) {
  if (NUMBERS.test(name)) return amount(text)
  if (!/^[[{]/.test(text)) return text
  try {
    return JSON.parse(text)
  } catch {}
}
