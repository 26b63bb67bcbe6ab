/**
 * Site search, where the site says by which parameters of the address: `data-search="q"` makes of `?q=hats` a `Products Searched`.
 *
 * @param {{record: (type: string, fields: object) => void, view: ReturnType<typeof import('../view.js').openView>,
 *   window: Window, config: any, after: (ms: number, work: () => void) => void}} needs
 * @returns {() => void}
 */
export function startSearch({ record, view, window, config, after }) {
  const names = String(config.search ?? '').split(/[\s,]+/)
  let last = ''
  const look = () => {
    const asked = new URL(window.location.href).searchParams
    const query = names.map((name) => name && asked.get(name)?.trim()).find(Boolean) ?? ''
    // What people mistake the search for is nobody's business.
    if (query && query != last && !query.includes('@')) record('track', { event: 'Products Searched', properties: { query } })
    last = query
  }
  look()
  // The page's own view comes first.
  return view.watch(() => after(0, look))
}
