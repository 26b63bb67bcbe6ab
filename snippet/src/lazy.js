import { guard } from './guard.js'

/**
 * Loads lazy parts: scripts beside this one, without cookies, that each hand over something. Where this script is pinned they are
 * the very parts that it was built with, by the hashes in the part `parts`.
 *
 * @param {Document} document
 * @param {HTMLScriptElement | null} tag
 * @param {{url: string, file: string}} place
 * @param {boolean} pinned
 */
export function openLazy(document, tag, { url, file }, pinned) {
  /** @param {string} name @param {string} integrity @param {(handed: any) => void} then */
  const load = (name, integrity, then) => {
    document.head.append(
      Object.assign(document.createElement('script'), {
        src: `${url}${file}.${name}.js`,
        crossOrigin: 'anonymous',
        nonce: tag?.nonce ?? '',
        integrity,
        footfall: guard(then),
      }),
    )
  }
  /** @param {string} name @param {(handed: any) => void} then */
  return (name, then) => {
    if (pinned) load(...PARTS, (parts) => load(.../** @type {typeof PARTS} */ (parts[name]), then))
    else load(name, '', then)
  }
}
