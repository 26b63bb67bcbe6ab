/** How the inspector looks, whatever the page does. */
export const LOOK = `:host{all:initial}section{position:fixed;z-index:2147483647;right:12px;bottom:12px;width:min(420px,calc(100vw - 24px));
max-height:50vh;overflow:auto;box-sizing:border-box;padding:12px 16px;border-radius:8px;font:13px/1.4 system-ui,sans-serif;
color:#eee;background:#1b2430;box-shadow:0 4px 24px #0008}
h2{margin:0;font-size:15px}p{margin:4px 0 8px;color:#b8c4d2;overflow-wrap:anywhere}ol{margin:0;padding:0;list-style:none}
li{padding:4px 0;border-top:1px solid #fff2}b{float:right;font-weight:600;color:#ffc46b}.acknowledged{color:#7ee2a0}
summary{cursor:pointer;overflow-wrap:anywhere}pre{margin:4px 0;white-space:pre-wrap;overflow-wrap:anywhere;font-size:12px}
button{float:right;border:0;padding:4px 10px;font:inherit;font-size:18px;color:inherit;background:none;cursor:pointer}
button:focus-visible,summary:focus-visible{outline:2px solid #7ee2a0}`
