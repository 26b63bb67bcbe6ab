/** Types of Footfall's snippet, for its tag (`/// <reference path="f.d.ts" />`) and for its module. */

/** The events of the public e-commerce specs that Footfall reads; any other name is an event of your own. */
export type EventName =
  | 'Product Viewed' | 'Product Clicked' | 'Product Added' | 'Product Removed' | 'Product List Viewed' | 'Product List Filtered'
  | 'Products Searched' | 'Cart Viewed' | 'Checkout Started' | 'Checkout Step Viewed' | 'Checkout Step Completed'
  | 'Payment Info Entered' | 'Order Completed' | 'Order Updated' | 'Order Refunded' | 'Order Cancelled' | 'Coupon Entered'
  | 'Coupon Applied' | 'Coupon Denied' | 'Coupon Removed' | 'Promotion Viewed' | 'Promotion Clicked' | 'Product Added to Wishlist'
  | 'Product Removed from Wishlist' | 'Product Shared' | 'Product Reviewed' | 'Signed In' | 'Signed Up' | 'Feedback Given'
  | (string & {})

export interface Product {
  product_id?: string
  variant_id?: string
  sku?: string
  name?: string
  brand?: string
  category?: string
  variant?: string
  price?: number | string
  currency?: string
  quantity?: number
  coupon?: string
  position?: number
  [property: string]: unknown
}

export interface Properties extends Product {
  products?: Product[]
  order_id?: string
  total?: number | string
  query?: string
}

export interface Traits {
  email?: string
  name?: string
  phone?: string
  [trait: string]: unknown
}

export interface Preferences {
  /** Decides whether anything is collected. */
  Analytics?: boolean
  [purpose: string]: boolean | undefined
}

/** What the visitor was shown when they answered. */
export interface Shown {
  text?: string
  version?: string
  language?: string
}

/** A call as it is sent, in the words of the Segment tracking API. */
export interface Call {
  type: 'page' | 'track' | 'identify'
  messageId: string
  anonymousId: string
  timestamp: string
  event?: string
  name?: string
  userId?: string
  properties?: Record<string, unknown>
  traits?: Record<string, unknown>
  context: Record<string, any>
}

export interface Footfall {
  (call: 'page', name?: string, properties?: Record<string, unknown>): void
  (call: 'page', properties: Record<string, unknown>): void
  (call: 'track', event: EventName, properties?: Properties): void
  /** Who the visitor is; `token` where the site requires signed identity. */
  (call: 'identify', userId: string | number, traits?: Traits, token?: string): void
  (call: 'identify', traits: Traits, token?: string): void
  /** What the visitor allows. */
  (call: 'consent', preferences: Preferences, shown?: Shown): void
  /** Shows the prompt again. */
  (call: 'consent'): void
  /** The visitor has logged out. */
  (call: 'reset'): void
}

type Switch = boolean | 'on' | 'off' | 'true' | 'false'

/** The settings, as `window.footfallConfig` and `start` take them; docs/snippet.md tells what each does. */
export interface FootfallConfig {
  key?: string
  url?: string
  auto?: Switch
  attention?: Switch
  links?: Switch
  search?: string
  hash?: Switch
  canonical?: Switch
  query?: string
  user?: string
  userToken?: string
  consent?: 'opt-in' | 'cookieless' | 'opt-out'
  consentMode?: Switch
  cookieDomain?: string
  handover?: string
  erasure?: Switch
  prompt?: Switch | { version: string; purposes?: string[]; texts: Record<string, PromptText> }
  beforeSend?: (call: Call) => Call | null | undefined | false
  debug?: boolean
}

export interface PromptText {
  text: string
  accept: string
  refuse: string
  title?: string
  link?: string
  href?: string
  erasure?: ErasureText
}

/** What is offered to whoever has withdrawn. */
export interface ErasureText {
  text: string
  erase: string
  close: string
  erased: string
  failed: string
}

/** The module's way in: does what the tag does. `key` is the site's write key, `url` the collector. Once; later calls do nothing. */
export function start(config: FootfallConfig & { key: string; url: string }): void

/** Works before `start`, too: calls are kept until then. Does nothing where there is no window. */
export const footfall: Footfall
export default footfall

declare global {
  interface Window {
    footfall?: Footfall
    footfallConfig?: FootfallConfig
  }
}
