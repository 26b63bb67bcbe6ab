/** As a constructed style sheet it needs no `style-src` of the page. */
export const LOOK = `
:host{all:initial;position:fixed;z-index:2147483647;inset:auto 0 0 0;display:flex;justify-content:center;padding:12px;pointer-events:none;
font:16px/1.5 system-ui,sans-serif;color-scheme:light dark}
section{pointer-events:auto;box-sizing:border-box;max-width:640px;width:100%;max-height:80vh;overflow:auto;padding:16px 20px;border-radius:12px;
background:#fff;color:#1b1f24;border:1px solid #6b7280;box-shadow:0 4px 24px #0003}
h2{font-size:18px;margin:0 0 4px}p{margin:0 0 12px}a{color:inherit}
label{display:flex;gap:12px;margin:0 0 12px}input{flex:none;width:24px;height:24px;margin:0}
div{display:flex;gap:12px;flex-wrap:wrap}
button{flex:1 1 120px;min-height:44px;padding:8px 16px;font:inherit;font-weight:600;color:inherit;background:0 0;border:2px solid;border-radius:8px;cursor:pointer}
label~div button{flex-basis:160px}
button:hover{background:#8883}:focus-visible{outline:3px solid #1a6fe8;outline-offset:2px}
@media(prefers-color-scheme:dark){section{background:#1b1f24;color:#f3f4f6;border-color:#9ca3af}:focus-visible{outline-color:#8ab8ff}}
@media(forced-colors:active){button{border-color:ButtonText}}
@media print{:host{display:none}}`
