"""Pictures of every room for the documentation: `python -m browsers.screenshots FOLDER`, in tests/.

A demo is started and lived in; each room is shown at desktop and phone width, light and dark.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

from browsers.demo import Demo
from browsers.engines.chromium import Chromium, ChromiumTab
from browsers.expecting import wait_for
from browsers.rooms import ROOMS, SCHEMES, SIZES, sign_in, subjects
from browsers.test_journey import allow, look_at_a_product, press

VISITORS = 3_000
SETTLED = "document.readyState === 'complete' && [...document.images].every(image => image.complete)"


def main(folder: Path) -> None:
    """Writes NAME-SIZE-SCHEME.png for every room."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        demo, engine = Demo(Path(scratch), visitors=VISITORS), Chromium()
        try:
            demo.start()
            show(demo, engine, folder)
        finally:
            engine.stop()
            demo.stop()


def show(demo: Demo, engine: Chromium, folder: Path) -> None:
    about = subjects(demo)
    staff, shopper = engine.profile(), engine.profile()
    inside, outside = sign_in(staff, demo), shopper.open(f"{demo.shop}/")
    assert isinstance(outside, ChromiumTab)
    picture(outside, folder, "prompt")
    allow(outside)
    for room in ROOMS:
        tab = outside if room.public else inside
        tab.goto(demo.url + room.path.format(**about))
        if room.name == "live":
            walk(outside, demo)
        if room.name == "shop-cart":
            walk(outside, demo)
            press(outside, "[data-testid=add]")
        picture(tab, folder, room.name)


def walk(tab: ChromiumTab, demo: Demo) -> None:
    """A little tour, which shows in Live."""
    tab.goto(f"{demo.shop}/?utm_source=news&utm_medium=email&utm_campaign=autumn")
    look_at_a_product(tab)


def picture(tab: ChromiumTab, folder: Path, name: str) -> None:
    for size, (width, height) in SIZES.items():
        for scheme in SCHEMES:
            tab.look(width, height, scheme)
            wait_for(lambda: tab.evaluate(SETTLED), lambda: f"{name} did not settle")
            keep(tab.screenshot(), folder / f"{name}-{size}-{scheme}.png")


def keep(png: bytes, path: Path) -> None:
    """With 256 colours, which makes a third of it and shows on no screen."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    few = picture.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(path, "PNG", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
