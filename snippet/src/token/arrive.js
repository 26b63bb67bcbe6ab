import { ask } from '../asked.js'

const NAME = 'footfall-token'

/**
 * Redeems the token in the address, takes it out of there, and goes on as the visitor whom it stands for, with what they have
 * allowed on the other domain. Who has refused here stays unknown.
 *
 * @param {{config: any, allowed: () => Record<string, boolean>, answer: (preferences: Record<string, boolean>) => void,
 *   meet: (id?: string) => void, window: Window}} needs
 */
export async function arrive({ config, allowed, answer, meet, window: { location, history } }) {
  const token = new URLSearchParams(location.search).get(NAME)
  const { anonymousId, preferences } = allowed().Analytics === false ? /** @type {any} */ ({}) : await ask(config, 'v1/handover', { token })
  if (anonymousId && !('Analytics' in allowed()) && preferences.Analytics) answer(preferences)
  meet(anonymousId)
  const url = new URL(location.href)
  url.searchParams.delete(NAME)
  history.replaceState(history.state, '', url)
}
