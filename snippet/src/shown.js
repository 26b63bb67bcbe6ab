const NAMES = ['product_id', 'variant_id', 'sku', 'name']

/**
 * Whether a product is the first to be shown on this page by one of these names. Pages tell of one product in more than one
 * way; it is one view.
 *
 * @param {any[]} shown what was told of on this page; the product joins it
 * @param {any} product
 */
export function isFirstShown(shown, product) {
  const known = shown.some((one) => NAMES.some((name) => one[name] && one[name] == product[name]))
  shown.push(product)
  return !known
}
