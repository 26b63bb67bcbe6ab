/** What the tests have in place of a browser: a clock that stands still until it is told, cookies, storage. */
Object.assign(globalThis, { window: {} })

export function clockAt(time = Date.UTC(2026, 4, 1)) {
  /** @type {{at: number, work: () => void}[]} */
  let waiting = []
  return {
    now: () => time,
    after: (/** @type {number} */ ms, /** @type {() => void} */ work) => void waiting.push({ at: time + ms, work }),
    /** Lets time pass, and all promises settle that can. @param {number} ms */
    async pass(ms) {
      const end = time + ms
      for (;;) {
        await settled()
        const due = waiting.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
        if (!due) break
        waiting = waiting.filter((one) => one != due)
        time = due.at > time ? due.at : time + A_MOMENT_MS
        due.work()
      }
      time = end
      await settled()
    },
  }
}

const A_MOMENT_MS = 0.001

export const settled = () => new Promise((resolve) => setImmediate(resolve))

/** A document that keeps cookies, and how each was set. */
export function cookieDocument(host = 'www.shop.example') {
  /** @type {Map<string, string>} */
  const kept = new Map()
  /** @type {string[]} */
  const written = []
  return {
    written,
    get cookie() {
      return [...kept].map(([name, value]) => `${name}=${value}`).join('; ')
    },
    set cookie(text) {
      written.push(text)
      const [pair, ...attributes] = text.split('; ')
      const [name, value] = pair.split('=')
      const domain = attributes.find((one) => one.startsWith('domain='))?.slice(7)
      if (domain && !('.' + host).endsWith('.' + domain)) return
      if (attributes.includes('max-age=0')) kept.delete(name)
      else kept.set(name, value)
    },
  }
}

/** A storage whose keys are its own properties, as in browsers. @returns {any} */
export function storageOf(/** @type {Record<string, string>} */ kept = {}) {
  const methods = {
    getItem: (/** @type {string} */ key) => kept[key] ?? null,
    setItem: (/** @type {string} */ key, /** @type {string} */ text) => void (kept[key] = text),
    removeItem: (/** @type {string} */ key) => void delete kept[key],
  }
  return new Proxy(kept, { get: (_, name) => /** @type {any} */ (methods)[name] ?? kept[/** @type {string} */ (name)] })
}
