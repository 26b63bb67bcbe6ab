/**
 * What the visitor's browser runs on, as far as the wire asks.
 *
 * @param {Pick<Window, 'screen' | 'navigator'>} window
 */
export function setupOf({ screen, navigator }) {
  return {
    locale: navigator.language,
    // The first look at Intl takes a browser longer than all else together.
    timezone: /** @type {any} */ (globalThis).Temporal?.Now.timeZoneId() ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    screen: { width: screen.width, height: screen.height },
    library: { name: 'footfall.js', version: VERSION },
  }
}
