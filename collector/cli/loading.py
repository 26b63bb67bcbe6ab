"""Loading a part of the command line when it is asked for: most need neither the web nor the demo.

What enters: where it is. What leaves: the thing itself.
"""

from __future__ import annotations

import gc
from importlib import import_module
from typing import Any


def load(path: str) -> Any:
    """What `MODULE:NAME` is."""
    module, _, name = path.partition(":")
    # Loading makes many objects and no garbage; to look for some takes a tenth of a start.
    gc.disable()
    try:
        return getattr(import_module(module), name)
    finally:
        gc.enable()
