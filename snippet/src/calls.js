import { setupOf } from './setup.js'

/**
 * Makes calls as the wire wants them. What the page gave is copied: it may change its object right after.
 *
 * @param {{newId: () => string, now: () => number, visitor: {id(): string}, view: {context(): object},
 *   consent: {preferences(): Record<string, boolean>}, window: Window}} needs
 */
export function callMaker({ newId, now, visitor, view, consent, window }) {
  /**
   * @param {string} type
   * @param {any} fields
   * @param {string} [identityToken]
   * @returns {any}
   */
  return (type, { context, ...fields }, identityToken) => ({
    type,
    messageId: newId(),
    anonymousId: visitor.id(),
    timestamp: new Date(now()).toISOString(),
    context: {
      ...view.context(),
      ...setupOf(window),
      consent: { categoryPreferences: consent.preferences() },
      identityToken,
      ...context,
    },
    ...JSON.parse(JSON.stringify(fields)),
  })
}
