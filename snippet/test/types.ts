/** What the types allow and refuse; `tsc` fails where a refusal is no longer one. */
import footfall, { start, type Call } from '../f.js'

start({ key: 'wk', url: 'https://collector.shop.example', consent: 'opt-out', beforeSend: (call: Call) => call })
// @ts-expect-error the collector's address is needed
start({ key: 'wk' })
// @ts-expect-error there is no such mode
start({ key: 'wk', url: 'https://collector.shop.example', consent: 'never' })

footfall('page')
footfall('page', 'Checkout', { step: 2 })
footfall('track', 'Product Added', { product_id: 'h-1', price: 19.9, currency: 'EUR' })
footfall('track', 'An event of ours', { products: [{ sku: 'a' }] })
footfall('identify', 42, { email: 'jane@x.example' }, 'token')
footfall('identify', { email: 'jane@x.example' })
footfall('consent', { Analytics: true, Marketing: false }, { text: 'May we?' })
footfall('consent')
footfall('reset')
// @ts-expect-error an event has a name
footfall('track')
// @ts-expect-error there is no such call
footfall('alias', '42')
// @ts-expect-error preferences are yes or no
footfall('consent', { Analytics: 'yes' })

window.footfall?.('page')
window.footfallConfig = { key: 'wk', query: 'q, size' }
