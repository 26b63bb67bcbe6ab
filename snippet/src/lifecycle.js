/**
 * When the page goes, as far as browsers tell. Never by `unload` or `beforeunload`, which cost the page its back/forward cache.
 *
 * @param {Window} window
 * @param {() => void} leave
 * @param {() => void} back it is looked at again, or the network is there again
 */
export function watchLeaving(window, leave, back) {
  window.addEventListener('pagehide', leave)
  window.document.addEventListener('visibilitychange', () => {
    if (window.document.visibilityState == 'hidden') leave()
    else back()
  })
  window.addEventListener('online', back)
}

/** @param {Window} window @param {() => void} work */
export function whenLoaded(window, work) {
  if (window.document.readyState == 'complete') work()
  else window.addEventListener('load', () => setTimeout(work))
}
