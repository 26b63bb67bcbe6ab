/**
 * Nothing that goes wrong in here may reach the page: what a function throws, or its promise, ends here.
 * With `footfallConfig = {debug: true}` the console tells of it.
 *
 * @template {(...args: any[]) => any} F
 * @param {F} work
 * @returns {(...args: Parameters<F>) => ReturnType<F> | undefined}
 */
export function guard(work) {
  return (...args) => {
    try {
      return work(...args)
    } catch (error) {
      warn(error)
    }
  }
}

/** @param {unknown} what */
export function warn(what) {
  if (/** @type {any} */ (window).footfallConfig?.debug) console.warn('footfall', what)
}
