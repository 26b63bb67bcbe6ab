/**
 * Calls that no one has acknowledged, each under a key of its own, so that tabs do not overwrite each other's; and how many were
 * given up. Where nothing may be stored on the device, or its storage fails, they are held in memory.
 *
 * @param {() => Storage} storage may throw
 * @param {string} site
 * @param {() => boolean} mayStore
 */
export function openShelf(storage, site, mayStore) {
  const calls = `footfall:${site}:`
  const lost = 'footfall.lost:' + site
  /** @type {Map<string, string>} */
  const memory = new Map()

  /** @param {string} key @param {any} text */
  const write = (key, text) => {
    try {
      if (mayStore()) return storage().setItem(key, text)
    } catch {}
    memory.set(key, text)
  }
  /** @param {string} key */
  const erase = (key) => {
    memory.delete(key)
    try {
      storage().removeItem(key)
    } catch {}
  }
  const everything = () => {
    const found = [...memory]
    try {
      const kept = storage()
      // Others may keep much here: what is not ours is not read.
      for (const key in kept) if (key.startsWith(calls) || key == lost) found.push([key, kept[key]])
    } catch {}
    return found
  }
  return {
    /** Oldest first: ids sort by time. @returns {import('./batch.js').Stored[]} */
    all: () =>
      everything()
        .filter(([key]) => key != lost)
        .map(([key, text]) => /** @type {[string, string]} */ ([key.slice(calls.length), text]))
        .sort(),
    /** @param {string} id @param {string} text */
    put: (id, text) => write(calls + id, text),
    /** @param {string} id */
    drop: (id) => erase(calls + id),
    /** How many calls were given up, after so many more. @param {number} more */
    lose(more) {
      const count = more + +(everything().find(([key]) => key == lost)?.[1] ?? 0)
      if (count) write(lost, count)
      else if (more) erase(lost)
      return count
    },
    clear() {
      for (const [key] of everything()) erase(key)
    },
  }
}
