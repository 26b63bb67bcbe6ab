import { madeAt } from './uuid.js'

const NAME = 'footfall'
const AGE_MS = 395 * 864e5 // 13 months from the id's making; it is not prolonged

/**
 * Who this browser is: the `anonymousId`, in a cookie where that is allowed, else in memory as long as the page lives.
 *
 * @param {import('./cookies.js').Cookies} cookies
 * @param {() => boolean} mayStore
 * @param {() => string} newId
 * @param {() => number} now
 */
export function openVisitor(cookies, mayStore, newId, now) {
  let fleeting = ''

  /** @param {string} id */
  const keep = (id) => {
    if (mayStore()) cookies.set(NAME, id, (madeAt(id) + AGE_MS - now()) / 1000)
    else fleeting = id
    return id
  }
  const known = () => {
    const id = (mayStore() && cookies.get(NAME)) || fleeting
    return madeAt(id) > now() - AGE_MS ? id : undefined
  }
  return {
    /** Who the cookie says that it is, if there is one. */
    kept: () => cookies.get(NAME),
    id: () => known() ?? keep(newId()),
    /** Sets the cookie again to the same end: some browsers forget after a week what a script has set. */
    renew() {
      const id = known()
      if (id) keep(id)
    },
    /** From now on it is somebody else. */
    change: (id = newId()) => void keep(id),
    forget() {
      fleeting = ''
      cookies.drop(NAME)
    },
  }
}
