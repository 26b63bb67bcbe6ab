/**
 * Asks the collector something beside the calls. As plain text, which spares the browser a question beforehand.
 *
 * @param {{url: string, key: string}} config
 * @param {string} path
 * @param {object} said
 * @param {RequestCredentials} [credentials]
 * @returns {Promise<any>} {} where there is no answer
 */
export async function ask({ url, key }, path, said, credentials = 'omit') {
  try {
    const body = JSON.stringify({ writeKey: key, ...said })
    const answer = await fetch(url + path, { method: 'POST', body, credentials, keepalive: true })
    return answer.ok ? await answer.json() : {}
  } catch {
    return {}
  }
}
