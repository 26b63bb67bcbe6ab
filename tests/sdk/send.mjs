// Sends with the official Node SDK, only its host changed. Arguments: host, key, number of events.
import { Analytics } from '@segment/analytics-node'

const [host, writeKey, number] = process.argv.slice(2)
const analytics = new Analytics({ writeKey, host, flushAt: 7, maxRetries: 5 })
let failed = false
analytics.on('error', (error) => { failed = true; console.error(error) })

for (let n = 0; n < Number(number); n++) {
  analytics.track({ anonymousId: 'node-visitor', event: 'Product Viewed', messageId: `node-${n}`, properties: { product_id: `p${n}` } })
}
analytics.page({ anonymousId: 'node-visitor', name: 'Home', messageId: 'node-page', properties: { url: 'https://shop.example/' } })
analytics.screen({ anonymousId: 'node-visitor', name: 'Cart', messageId: 'node-screen' })
analytics.group({ userId: 'node-user', groupId: 'g1', messageId: 'node-group' })
analytics.identify({ anonymousId: 'node-visitor', userId: 'node-user', messageId: 'node-identify', traits: { email: 'node@x.example' } })
analytics.alias({ previousId: 'node-former', userId: 'node-user', messageId: 'node-alias' })
await analytics.closeAndFlush({ timeout: 20000 })
process.exit(failed ? 1 : 0)
