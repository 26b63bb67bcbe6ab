import { isOff } from './config.js'

/**
 * What is asked of the visitor, in lazy parts, one at a time: the prompt, shown on opt-in sites to those who have not answered,
 * once the page has loaded and the shop's own consent tool has had its chance, and whenever the page asks for it; and, to whoever
 * has withdrawn, whether what was collected is to be erased.
 *
 * @param {import('./config.js').Config} config
 * @param {() => boolean} undecided
 * @param {(name: string, then: (open: any) => void) => void} load
 * @param {(preferences: any, shown: object) => void} answer
 */
export function openAsking(config, undecided, load, answer) {
  /** @type {(() => undefined) | void} */
  let close

  /** There is an answer. */
  const end = () => {
    close = close?.()
  }
  /** An answer may come before the part does. @param {string} part @param {() => any} [wanted] @param {string} [id] of whoever has withdrawn */
  const show = (part, wanted, id) =>
    load(part, (open) => {
      if (wanted && !wanted()) return
      end()
      close = open({ config, answer, end, id })
    })
  return {
    show,
    /** Asks whom it may concern. */
    begin() {
      if (config.consent == 'opt-in' && !isOff(config.prompt) && undecided()) show('prompt', undecided)
    },
    end,
  }
}
