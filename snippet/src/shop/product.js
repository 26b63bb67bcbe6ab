/**
 * The product that a page shows, by its schema.org data (JSON-LD): the properties of `Product Viewed`, or nothing where it
 * shows none or several.
 *
 * @param {unknown[]} blocks parsed JSON-LD
 * @param {string} url the page's
 * @returns {Record<string, unknown> | undefined}
 */
export function productOf(blocks, url) {
  const found = blocks.flatMap(products)
  const here = found.filter((product) => samePage(product.url ?? product['@id'] ?? product.offers?.url, url))
  const product = here[0] ?? (found.length < 2 ? found[0] : undefined)
  return product && propertiesOf(product, url)
}

/** @param {any} node @returns {any[]} the products that are a page's subject; those in lists are not */
function products(node) {
  if (!node || typeof node != 'object') return []
  if (Array.isArray(node)) return node.flatMap(products)
  if (list(node['@type']).some((type) => /(^|\/)Product(Group|Model)?$/.test(type))) return [node]
  return [...products(node['@graph']), ...products(node.mainEntity)]
}

/** @param {any} product @param {string} url */
function propertiesOf(product, url) {
  const variant = list(product.hasVariant).find((variant) => samePage(variant?.url ?? variant?.offers?.url, url)) ??
    list(product.hasVariant)[0]
  const { price, currency, availability } = cheapest(list(product.offers ?? variant?.offers))
  const sku = text(product.sku ?? variant?.sku)
  return defined({
    product_id: text(product.productID ?? product.productGroupID ?? sku ?? product.mpn ?? product.gtin13 ?? product.gtin),
    sku,
    name: text(product.name),
    brand: named(product.brand),
    category: named(product.category),
    variant: variant && text(variant.name),
    price,
    currency,
    availability: availability && text(availability).replace(/.*\//, ''),
    url: text(list(product.url)[0]) ?? url,
    image_url: text(list(product.image)[0]?.url ?? list(product.image)[0]?.contentUrl ?? list(product.image)[0]),
  })
}

/** @param {any[]} offers the first that says a price; what it is sold for now comes before what it is listed at */
function cheapest(offers) {
  for (const offer of offers.flatMap((offer) => [offer, ...list(offer?.offers)])) {
    const prices = [...list(offer?.priceSpecification), offer].filter((one) => amount(one) != undefined)
    const price = prices.sort((a, b) => rank(a) - rank(b))[0]
    if (price) {
      return {
        price: amount(price),
        currency: text(price.priceCurrency ?? offer.priceCurrency),
        availability: offer.availability ?? offers[0].availability ?? offer.offers?.availability,
      }
    }
  }
  return { availability: offers[0]?.availability }
}

/** @param {any} price a sale, then what is plainly a price, then struck-out ones */
const rank = ({ priceType = '' }) => (/Sale/.test(priceType) ? 0 : /List|Strike|SRP|MSRP|Regular/.test(priceType) ? 2 : 1)

/** @param {any} price */
function amount(price) {
  const given = price?.price ?? price?.minPrice ?? price?.lowPrice
  return given === '' || given == undefined || isNaN(given) ? undefined : +given
}

/** @param {any} address @param {string} url */
function samePage(address, url) {
  try {
    const [a, b] = [new URL(address, url), new URL(url)]
    return address && a.host + a.pathname == b.host + b.pathname
  } catch {}
}

/** @param {any} value @returns {any[]} */
const list = (value) => (value == undefined ? [] : Array.isArray(value) ? value : [value])

/** @param {any} value @returns {any} */
const text = (value) => (typeof value == 'string' || typeof value == 'number' ? String(value).trim() || undefined : undefined)

/** @param {any} value */
const named = (value) => text(list(value)[0]?.name ?? list(value)[0])

/** @param {Record<string, unknown>} fields */
const defined = (fields) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value != undefined))
