/**
 * The campaign that an address names: its utm_* parameters by the wire's names.
 *
 * @param {string} search
 * @returns {Record<string, string> | undefined}
 */
export function campaignOf(search) {
  const found = [...new URLSearchParams(search)]
    .filter(([name, value]) => value && name.startsWith('utm_'))
    .map(([name, value]) => [name == 'utm_campaign' ? 'name' : name.slice(4), value])
  return found.length ? Object.fromEntries(found) : undefined
}
