/** What an item is called, in Google's words of now and of older years, by what a product is called. */
const NAMES = /** @type {Record<string, string>} */ (/** @type {unknown} */ ({ __proto__: null, id: 'product_id', item_id: 'product_id', index: 'position' }))
const CATEGORY = /^item_category\d?$/

/**
 * A product as the contract has it, of an item as Google has it. What a shop has added of its own stays.
 *
 * @param {any} item
 */
export function productOf(item) {
  /** @type {any} */
  const product = {}
  for (const [name, value] of Object.entries(item)) {
    if (!isPlain(value)) continue
    const ours = CATEGORY.test(name) ? 'category' : (NAMES[name] ?? name.replace(/^item_/, ''))
    if (/^(price|quantity|discount|position)$/.test(ours)) product[ours] = amount(value)
    else if (/(_id|sku)$/.test(ours)) product[ours] = String(value)
    else if (ours == 'category' && product.category) product.category += '/' + value
    else product[ours] = value
  }
  return product
}

/** @param {any} value whether it says something, and only one thing */
export const isPlain = (value) => /^(string|number|boolean)$/.test(typeof value) && value !== ''

/** A number, also one that a shop has written as text for people: 1,234.50 or 1.234,50 €. @param {any} value */
export function amount(value) {
  if (typeof value == 'number') return value
  const text = String(value ?? '')
    .replace(/[^\d.,-]/g, '')
    .replace(/,(?=\d{3}(\D|$))/g, '')
  const number = text.includes(',') ? text.replace(/\./g, '').replace(',', '.') : text
  return number && !isNaN(+number) ? +number : undefined
}
