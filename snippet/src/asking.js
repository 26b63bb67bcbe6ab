import { isOff } from './config.js'

/**
 * The prompt, a lazy part: shown on opt-in sites to those who have not answered, once the page has loaded and the shop's own
 * consent tool has had its chance; and whenever the page asks for it.
 *
 * @param {{window: Window, config: import('./config.js').Config, undecided: () => boolean,
 *   load: (name: string, then: (open: any) => void) => void, answer: (preferences: any, shown: object) => void}} needs
 */
export function openAsking({ window, config, undecided, load, answer }) {
  /** @type {(() => void) | undefined} */
  let close
  let answered = false

  const ask = () => {
    if (!close) load('prompt', (open) => (close = close ?? open({ config, answer })))
  }
  const askUndecided = () => {
    if (!answered && undecided()) ask()
  }
  return {
    ask,
    /** Asks in a while, unless an answer comes first. */
    begin() {
      if (config.consent != 'opt-in' || isOff(config.prompt)) return
      if (window.document.readyState == 'complete') askUndecided()
      else window.addEventListener('load', () => setTimeout(askUndecided))
    },
    /** There is an answer. */
    end() {
      answered = true
      close?.()
      close = undefined
    },
  }
}
