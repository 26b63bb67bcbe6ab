const TIMEOUT_MS = 30_000

/**
 * One request to the collector, without cookies; as plain text, which spares the browser a question beforehand.
 *
 * @param {string} url
 * @param {string} key
 * @param {() => number} now
 */
export function openTransport(url, key, now) {
  /** @param {string[]} texts the calls as JSON @param {number} lost how many were given up @param {boolean} outlive whether it should outlive the page */
  return async (texts, lost, outlive) => {
    const head = JSON.stringify({ writeKey: key, sentAt: new Date(now()), context: lost ? { lost } : undefined })
    const body = `${head.slice(0, -1)},"batch":[${texts}]}`
    const answer = await fetch(url + 'v1/batch', {
      method: 'POST',
      body,
      keepalive: outlive,
      credentials: 'omit',
      signal: AbortSignal.timeout?.(TIMEOUT_MS),
    })
    // Until it has been read it counts towards what may be under way.
    await answer.text()
    return { status: answer.status, retryAfter: answer.headers.get('retry-after') }
  }
}
