"""Whose the files beside a database are: whoever's it is, also where root makes them.

What enters: a file that was just made, and one that it belongs with. What leaves: nothing; its owner is the other's.
"""

from __future__ import annotations

import os


def give(descriptor: int, like: str | int) -> None:
    """To the owner of `like`, a path or a descriptor; where there is no such file, of its folder.

    What root does, restoring for one, must not lock out whom the database belongs to. Nobody else can, or need to.
    """
    if os.geteuid() == 0:
        owner = os.stat(like if isinstance(like, int) or os.path.exists(like) else os.path.dirname(like))
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
