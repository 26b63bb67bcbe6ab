const KEEPALIVE_BYTES_MAX = 64_000
const TIMEOUT_MS = 30_000

/**
 * One request to the collector, without cookies; as plain text, which spares the browser a question beforehand. Small ones
 * outlive the page.
 *
 * @param {{url: string, key: string, now: () => number}} needs
 */
export function openTransport({ url, key, now }) {
  /** @param {string[]} texts the calls as JSON */
  return async (texts) => {
    const sentAt = new Date(now()).toISOString()
    const body = `{"writeKey":${JSON.stringify(key)},"sentAt":"${sentAt}","batch":[${texts}]}`
    const { status, headers } = await fetch(url + 'v1/batch', {
      method: 'POST',
      body,
      keepalive: new TextEncoder().encode(body).length < KEEPALIVE_BYTES_MAX,
      credentials: 'omit',
      signal: AbortSignal.timeout?.(TIMEOUT_MS),
    })
    return { status, retryAfter: headers.get('retry-after') }
  }
}
