/**
 * The wording to show: in the page's language, else the visitor's, else the first that there is.
 *
 * @template T
 * @param {Record<string, T>} texts by language
 * @param {readonly string[]} wanted
 * @returns {[language: string, wording: T]}
 */
export function wordingOf(texts, wanted) {
  const languages = Object.keys(texts)
  for (const tag of wanted) {
    const asked = tag.toLowerCase()
    const found =
      languages.find((language) => language.toLowerCase() == asked) ??
      languages.find((language) => language.slice(0, 2).toLowerCase() == asked.slice(0, 2))
    if (asked && found) return [found, texts[found]]
  }
  return [languages[0], texts[languages[0]]]
}
