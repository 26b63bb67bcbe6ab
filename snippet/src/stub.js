/** In the page, before the script: keeps calls for it. */
window.footfall =
  window.footfall ||
  function () {
    ;(footfall.q = footfall.q || []).push(arguments)
  }
