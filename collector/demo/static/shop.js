// What the pages of the demo shop tell the tag: what the server wrote into #calls, and clicks on [data-click].
window.footfall = window.footfall || function () { (window.footfall.q = window.footfall.q || []).push(arguments) }

for (const call of JSON.parse(document.getElementById('calls').textContent)) window.footfall(...call)

document.addEventListener('click', event => {
  const clicked = event.target.closest('[data-click], [data-consent]')
  if (!clicked) return
  if (clicked.dataset.click) window.footfall(...JSON.parse(clicked.dataset.click))
  if (clicked.dataset.consent) {
    const yes = clicked.dataset.consent === 'yes'
    window.footfall('consent', { Analytics: yes, Marketing: yes })
    document.querySelector('[data-consent-answer]').textContent = yes ? 'Thank you. The tag is on.' : 'The tag is off.'
  }
})
