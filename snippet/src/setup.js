/**
 * What the visitor's browser runs on, as far as the wire asks.
 *
 * @param {Pick<Window, 'screen' | 'navigator'>} window
 */
export function setupOf({ screen, navigator }) {
  return {
    locale: navigator.language,
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    screen: { width: screen.width, height: screen.height },
    library: { name: 'footfall.js', version: VERSION },
  }
}
