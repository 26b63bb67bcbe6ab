"""Which worker runs which test: those of one browser in one worker, so that it starts once; any other test anywhere.

pytest-xdist has groups for this, but they get lost with pytest 9.2, where an item's id can no longer be written over.
"""

from __future__ import annotations

import re

from xdist.scheduler import LoadScopeScheduling

ENGINE = re.compile(r"browsers/.*[\[-](chromium|firefox|webkit)[\]-]")


class ByEngine(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        found = ENGINE.search(nodeid)
        return found[1] if found else nodeid
