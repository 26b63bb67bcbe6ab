/** Universal Analytics' enhanced ecommerce, which many shops still speak: its actions by the events of now. */
const ACTIONS = {
  impressions: 'view_item_list',
  detail: 'view_item',
  click: 'select_item',
  add: 'add_to_cart',
  remove: 'remove_from_cart',
  promoView: 'view_promotion',
  promoClick: 'select_promotion',
  checkout: 'begin_checkout',
  purchase: 'purchase',
  refund: 'refund',
}

/**
 * What `ecommerce: {purchase: {actionField, products}}` and its like say, in the words of now.
 *
 * @param {any} ecommerce
 * @returns {[event: string, told: any][]}
 */
export function olderEvents(ecommerce) {
  return Object.entries(ACTIONS).flatMap(([action, event]) => {
    const given = ecommerce[action]
    if (!given || typeof given != 'object') return []
    if (given.promotions) return given.promotions.map((/** @type {any} */ promotion) => [event, promotionOf(promotion)])
    const { id, revenue, list, option, ...field } = given.actionField ?? {}
    const items = given.products ?? given
    const told = {
      currency: ecommerce.currencyCode,
      ...field,
      transaction_id: id,
      value: revenue,
      item_list_name: list ?? items[0]?.list,
      payment_type: option,
      items,
    }
    return [[field.step > 1 ? 'checkout_step' : event, told]]
  })
}

/** @param {any} promotion */
const promotionOf = ({ id, name, creative, position }) => ({
  promotion_id: id,
  promotion_name: name,
  creative_name: creative,
  creative_slot: position,
})
