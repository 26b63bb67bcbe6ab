import { guard } from './guard.js'

/**
 * Loads a lazy part: a script beside this one, without cookies, that hands over its `start`.
 *
 * @param {{document: Document, tag: HTMLScriptElement | null, url: string, file: string, pinned: boolean}} needs
 *   `pinned`: only the very part that this script was built with
 */
export function openLazy({ document, tag, url, file, pinned }) {
  /** @param {string} name @param {(start: any) => void} then */
  return (name, then) => {
    const [hash, integrity] = PARTS[name]
    const script = document.createElement('script')
    script.src = `${url}${file}.${name}.${pinned ? hash + '.' : ''}js`
    script.crossOrigin = 'anonymous'
    script.nonce = tag?.nonce ?? ''
    if (pinned) script.integrity = integrity
    Object.assign(script, { footfall: guard(then) })
    document.head.append(script)
    script.remove()
  }
}
