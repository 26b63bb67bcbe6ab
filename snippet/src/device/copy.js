import { ask } from '../asked.js'

const COPIED = 'footfall.copied'

/**
 * Some browsers forget after a week what a script has set. The collector's own cookie they keep, where it is a host of the shop's:
 * a new visitor may turn out to be known by it. Asked once a session.
 *
 * @param {{config: any, id: () => string, allowed: () => Record<string, boolean>, meet: (id?: string) => void,
 *   window: Window}} needs
 * @param {boolean} isNew the visitor's id was made just now, for want of a cookie
 * @returns {(() => void) | undefined} for a refusal: the copy goes too
 */
export function startCopy({ config, id, allowed, meet, window: { location, sessionStorage } }, isNew) {
  const path = 'v1/visitor'
  const own = id()

  const copy = async () => {
    const { anonymousId } = await ask(config, path, { anonymousId: own, preferences: allowed(), new: isNew }, 'include')
    if (isNew) meet(anonymousId)
    if (anonymousId) sessionStorage[COPIED] = anonymousId
  }
  // Who is being handed over is somebody else's question.
  if (/[?&]footfall-token=/.test(location.search)) return
  if (!isNear(new URL(config.url, location.href).hostname, location.hostname, config.cookieDomain)) {
    if (isNew) meet()
    return
  }
  if (isNew || sessionStorage[COPIED] != own) copy().catch(() => {})
  return () => {
    delete sessionStorage[COPIED]
    void ask(config, path, { preferences: allowed() }, 'include')
  }
}

/** Whether a cookie of the collector's is the shop's own. @param {string} host @param {string} page @param {string} [domain] */
export const isNear = (host, page, domain) => host == page || Boolean(domain && ('.' + host).endsWith('.' + domain))
