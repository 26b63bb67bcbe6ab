"""What hands do, as WebDriver's actions spell it, the old and the new protocol alike."""

from __future__ import annotations

from typing import Any

# Keys that are no characters.
KEYS = {
    "Backspace": "\ue003",
    "Tab": "\ue004",
    "Enter": "\ue007",
    "Shift": "\ue008",
    "Escape": "\ue00c",
    "Space": " ",
    "ArrowDown": "\ue015",
    "ArrowUp": "\ue013",
}

# Where a click goes: the middle of what a selector finds; `>>>` leads into a shadow tree.
CLICK_CENTRE = """(selector => {
  const [host, inner] = selector.split('>>>').map(part => part.trim());
  let element = document.querySelector(host);
  if (inner) element = element?.shadowRoot?.querySelector(inner);
  if (!element) throw new Error('nothing matches ' + selector);
  element.scrollIntoView({block: 'center', inline: 'center', behavior: 'instant'});
  const box = element.getBoundingClientRect();
  return [Math.round(box.left + box.width / 2), Math.round(box.top + box.height / 2)];
})"""


def click_at(x: int, y: int) -> dict[str, Any]:
    """The main button, pressed and released at a place in the view."""
    move = {"type": "pointerMove", "x": x, "y": y, "origin": "viewport", "duration": 0}
    steps = [move, {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
    return {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": steps}


def strokes(keys: tuple[str, ...]) -> dict[str, Any]:
    """Keys one after the other."""
    values = [KEYS.get(key, key) for key in keys]
    steps = [{"type": kind, "value": value} for value in values for kind in ("keyDown", "keyUp")]
    return {"type": "key", "id": "keyboard", "actions": steps}
