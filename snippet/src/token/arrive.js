import { ask } from '../asked.js'
import { isSecondDomain } from '../domains.js'

const NAME = 'footfall-token'

/**
 * Redeems the token in the address, takes it out of there, and goes on as the visitor whom it stands for, with what they have
 * allowed on the other domain. Who has refused here stays unknown. It counts only by way of another of the site's own domains:
 * else a stranger could send round a link with a token of theirs, and be taken for whoever follows it.
 *
 * @param {{config: any, allowed: () => Record<string, boolean>, answer: (preferences: Record<string, boolean>) => void,
 *   meet: (id?: string) => void, window: Window}} needs
 */
export async function arrive({ config, allowed, answer, meet, window: { document, location, history } }) {
  const token = new URLSearchParams(location.search).get(NAME)
  const { referrer } = document
  const isTrusted = referrer && isSecondDomain(config, new URL(referrer), location) && allowed().Analytics !== false
  const { anonymousId, preferences } = isTrusted ? await ask(config, 'v1/handover', { token }) : /** @type {any} */ ({})
  if (anonymousId && !('Analytics' in allowed()) && preferences.Analytics) answer(preferences)
  meet(anonymousId)
  const url = new URL(location.href)
  url.searchParams.delete(NAME)
  history.replaceState(history.state, '', url)
}
