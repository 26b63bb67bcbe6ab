import { isOff } from './config.js'

/**
 * The prompt, a lazy part: shown on opt-in sites to those who have not answered, once the page has loaded and the shop's own
 * consent tool has had its chance; and whenever the page asks for it.
 *
 * @param {{config: import('./config.js').Config, undecided: () => boolean,
 *   load: (name: string, then: (open: any) => void) => void, answer: (preferences: any, shown: object) => void}} needs
 */
export function openAsking({ config, undecided, load, answer }) {
  /** @type {(() => void) | undefined} */
  let close

  const ask = () => {
    if (!close) load('prompt', (open) => (close ??= open({ config, answer })))
  }
  return {
    ask,
    /** Asks whom it may concern. */
    begin() {
      if (config.consent == 'opt-in' && !isOff(config.prompt) && undecided()) ask()
    },
    /** There is an answer. */
    end() {
      close?.()
      close = undefined
    },
  }
}
