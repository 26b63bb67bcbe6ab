import { REQUEST_BYTES_MAX, bytesOf } from './batch.js'

const TIMEOUT_MS = 30_000

/**
 * One request to the collector, without cookies; as plain text, which spares the browser a question beforehand. Where it is
 * small enough it outlives the page.
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
      keepalive: bytesOf(body) <= REQUEST_BYTES_MAX,
      credentials: 'omit',
      signal: AbortSignal.timeout?.(TIMEOUT_MS),
    })
    return { status, retryAfter: headers.get('retry-after') }
  }
}
