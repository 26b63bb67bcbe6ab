"""Which worker runs which test: those of one browser in one worker, so that it starts once, and those of a module that
takes seconds to make ready; any other test anywhere.

pytest-xdist has groups for this, but they get lost with pytest 9.2, where an item's id can no longer be written over.
"""

from __future__ import annotations

import re

from xdist.scheduler import LoadScopeScheduling

ENGINE = re.compile(r"browsers/.*[\[-](chromium|firefox|webkit)[\]-]")
MADE_READY = re.compile(r"tests/(test_(?:demo_shoppers|hostile|wheel))\.py")


class ByEngine(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        found = ENGINE.search(nodeid) or MADE_READY.search(nodeid)
        return found[1] if found else nodeid
