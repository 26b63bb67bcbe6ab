import { guard } from '../guard.js'

/**
 * Hears events of the whole page, before anybody can stop them, and never prevents one.
 *
 * @param {Pick<Window, 'addEventListener'>} window
 * @param {string[]} names
 * @param {(event: any) => void} heard
 * @returns {() => void} stops
 */
export function listen(window, names, heard) {
  const ending = new AbortController()
  const options = { capture: true, passive: true, signal: ending.signal }
  for (const name of names) window.addEventListener(name, guard(heard), options)
  return () => ending.abort()
}
