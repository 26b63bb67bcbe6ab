/**
 * Calls that no one has acknowledged, each under a key of its own, so that tabs do not overwrite each other's. Where nothing
 * may be stored on the device, or its storage fails, they are held in memory.
 *
 * @param {{storage: () => Storage, prefix: string, mayStore: () => boolean}} needs `storage` may throw
 */
export function openShelf({ storage, prefix, mayStore }) {
  /** @type {Map<string, string>} */
  const memory = new Map()

  /** @returns {import('./batch.js').Stored[]} */
  const stored = () => {
    try {
      const place = storage()
      return Object.keys(place)
        .filter((key) => key.startsWith(prefix))
        .map((key) => [key.slice(prefix.length), /** @type {string} */ (place.getItem(key))])
    } catch {
      return []
    }
  }
  /** @param {string} id */
  const drop = (id) => {
    memory.delete(id)
    try {
      storage().removeItem(prefix + id)
    } catch {}
  }
  return {
    /** Oldest first: ids sort by time. */
    all: () => [...stored(), ...memory].sort(),
    /** @param {string} id @param {string} text */
    put(id, text) {
      try {
        if (mayStore()) return storage().setItem(prefix + id, text)
      } catch {}
      memory.set(id, text)
    },
    drop,
    clear: () => [...stored(), ...memory].forEach(([id]) => drop(id)),
  }
}
