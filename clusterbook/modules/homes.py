"""Home directories of accounts that have none."""

from __future__ import annotations

import os
from typing import Optional

from clusterbook.modules.system import System
from clusterbook.modules.system.accounts import User
from clusterbook.modules.system.files import Attributes, as_text

LOGIN_DEFS = "/etc/login.defs"


def make_home(wanted: Optional[str], user: User, system: System) -> None:
    """Make a home directory that is missing, with the skeleton's files and the mode that the host gives new homes.

    wanted: the skeleton; /etc/skel without one.
    """
    system.files.make_directory(user.home, 0o700)
    skeleton = wanted or "/etc/skel"
    if system.files.stat(skeleton, True) is not None:
        fill_home(skeleton, user.home, user, system)
    system.files.attributes(user.home, Attributes(user.uid, user.gid, home_mode(system)))


def fill_home(source: str, home: str, user: User, system: System) -> None:
    """Files and directories of a skeleton; they become the user's."""
    for name in system.files.entries(source):
        old, new = os.path.join(source, name), os.path.join(home, name)
        found = system.files.stat(old)
        if found is None:
            continue
        own = Attributes(user.uid, user.gid, found.mode)
        if found.kind == "file":
            system.files.write(new, system.files.read(old), own)
        elif found.kind == "directory":
            system.files.make_directory(new, 0o700)
            fill_home(old, new, user, system)
            system.files.attributes(new, own)


def home_mode(system: System) -> int:
    """HOME_MODE of /etc/login.defs, else what its UMASK leaves, as login.defs(5) has it."""
    text = (as_text(system.files.read(LOGIN_DEFS)) or "") if system.files.stat(LOGIN_DEFS, True) else ""
    found = {words[0]: words[1] for words in map(str.split, text.splitlines()) if len(words) == 2}
    if "HOME_MODE" in found:
        return int(found["HOME_MODE"], 8)
    return 0o777 & ~int(found.get("UMASK", "022"), 8)
