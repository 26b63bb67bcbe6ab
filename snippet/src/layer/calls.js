import { olderEvents } from './older.js'
import { amount, isPlain, productOf } from './products.js'

/** Google's events by the contract's: https://developers.google.com/analytics/devguides/collection/ga4/reference/events */
const EVENTS = /** @type {Record<string, string>} */ (/** @type {unknown} */ ({
  __proto__: null,
  view_item: 'Product Viewed',
  select_item: 'Product Clicked',
  add_to_cart: 'Product Added',
  remove_from_cart: 'Product Removed',
  add_to_wishlist: 'Product Added to Wishlist',
  view_item_list: 'Product List Viewed',
  view_cart: 'Cart Viewed',
  begin_checkout: 'Checkout Started',
  checkout_step: 'Checkout Step Viewed',
  add_shipping_info: 'Checkout Step Completed',
  add_payment_info: 'Payment Info Entered',
  purchase: 'Order Completed',
  refund: 'Order Refunded',
  view_promotion: 'Promotion Viewed',
  select_promotion: 'Promotion Clicked',
  search: 'Products Searched',
  login: 'Signed In',
  sign_up: 'Signed Up',
}))
/** What Google calls an event's parameters by what the contract calls its properties, where that differs. */
const NAMES = {
  transaction_id: 'order_id',
  item_list_id: 'list_id',
  item_list_name: 'category',
  payment_type: 'payment_method',
  shipping_tier: 'shipping_method',
  search_term: 'query',
  promotion_id: '',
  promotion_name: 'name',
  creative_name: 'creative',
  creative_slot: 'position',
  affiliation: '',
  currency: '',
  coupon: '',
  step: '',
  method: '',
}
const NOBODY = /^(null|undefined|0|guest|anonymous|)$/i
const LISTED_MAX = 60

/**
 * What one push to a `dataLayer` tells, read by itself: `{event, ecommerce}`, gtag's `arguments`, or the shapes of older years.
 *
 * @param {any} entry
 * @returns {[event: string, properties: any, userId?: string][]}
 */
export function callsOf(entry) {
  if (entry[0] == 'event') return eventCalls(entry[1], entry[2] ?? {})
  const { event, ecommerce } = entry
  const older = ecommerce?.items ? [] : olderEvents(ecommerce ?? {})
  return older[0] ? older.flatMap(([event, told]) => eventCalls(event, told)) : eventCalls(event, { ...entry, ...ecommerce })
}

/** @param {string} named @param {any} told @returns {[event: string, properties: any, userId?: string][]} */
function eventCalls(named, told) {
  const event = EVENTS[named] ?? ''
  const items = Array.isArray(told.items) ? told.items.filter(Boolean) : []
  const products = items.map(productOf)
  const properties = propertiesOf(/List|Promo/.test(event) ? { ...items[0], ...told } : told)
  const { order_id, query, promotion_id, name } = properties

  if (/^Product [^L]/.test(event)) return products.map((/** @type {any} */ product) => [event, { ...properties, ...product }])
  if (/^Promo/.test(event)) return promotion_id || name ? [[event, properties]] : []
  if (/^Signed/.test(event)) return [[event, properties, NOBODY.test(told.user_id ?? '') ? undefined : String(told.user_id)]]
  // Without these they say nothing; the names may mean something else here.
  if (!event || (/^Order/.test(event) && !order_id) || (/^Products/.test(event) && !query)) return []
  for (const sum of ['value', 'tax', 'shipping', 'discount']) {
    const name = sum == 'value' && order_id ? 'total' : sum
    if (amount(told[sum]) != undefined) properties[name] = amount(told[sum])
  }
  if (products[0]) properties.products = /List/.test(event) ? products.slice(0, LISTED_MAX) : products
  return [[event, properties]]
}

/** @param {any} told */
function propertiesOf(told) {
  /** @type {any} */
  const properties = {}
  for (const [name, ours] of Object.entries(NAMES)) if (isPlain(told[name])) properties[ours || name] = told[name]
  if (isPlain(told.transaction_id)) properties.order_id = String(told.transaction_id)
  return properties
}
