import { setupOf } from './setup.js'

/**
 * Makes calls as the wire wants them. What the page gave is copied: it may change its object right after.
 *
 * @param {Window} window
 * @param {() => string} newId
 * @param {() => number} now
 * @param {{id(): string}} visitor
 * @param {{context(): object}} view
 * @param {{preferences(): Record<string, boolean>}} consent
 */
export function callMaker(window, newId, now, visitor, view, consent) {
  /** @type {object | undefined} */
  let setup

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
      ...(setup ??= setupOf(window)),
      consent: { categoryPreferences: consent.preferences() },
      identityToken,
      ...context,
    },
    ...JSON.parse(JSON.stringify(fields)),
  })
}
