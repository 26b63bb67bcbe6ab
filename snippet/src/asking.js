import { isOff } from './config.js'

/**
 * The prompt, a lazy part: shown on opt-in sites to those who have not answered, once the page has loaded and the shop's own
 * consent tool has had its chance; and whenever the page asks for it.
 *
 * @param {import('./config.js').Config} config
 * @param {() => boolean} undecided
 * @param {(name: string, then: (open: any) => void) => void} load
 * @param {(preferences: any, shown: object) => void} answer
 */
export function openAsking(config, undecided, load, answer) {
  /** @type {(() => undefined) | void} */
  let close

  /** An answer may come before the prompt does. */
  const ask = (wanted = () => true) => {
    if (!close) load('prompt', (open) => wanted() && (close ??= open({ config, answer })))
  }
  return {
    ask,
    /** Asks whom it may concern. */
    begin() {
      if (config.consent == 'opt-in' && !isOff(config.prompt) && undecided()) ask(undecided)
    },
    /** There is an answer. */
    end() {
      close = close?.()
    },
  }
}
