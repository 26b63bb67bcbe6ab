/**
 * Work that one tab at a time may do, where the browser has Web Locks. A lock is let go as the page leaves: a page that holds
 * one may not rest in the back/forward cache.
 *
 * @param {Pick<LockManager, 'request'> | undefined} locks
 * @param {string} name
 */
export function openAlone(locks, name) {
  let release = () => {}
  return {
    /** @param {() => Promise<void>} work @returns {Promise<void>} */
    run(work) {
      if (!locks) return work()
      const held = () => Promise.race([work(), new Promise((resolve) => (release = () => resolve(undefined)))])
      return locks.request(name, held).then(() => {}, work)
    },
    release: () => release(),
  }
}
