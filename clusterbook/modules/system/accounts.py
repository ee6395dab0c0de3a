"""Users and groups of the host, read from the name service, changed by the distribution's own programs."""

from __future__ import annotations

import grp
import os
import pwd
from typing import Callable, List, Optional, Sequence, Tuple

from clusterbook.modules.contract import ModuleFailed
from clusterbook.modules.system.commands import Completed
from clusterbook.records import dataclass

UNBORN = -2  # id of an account that only a prediction knows


@dataclass(frozen=True)
class User:
    """One user. groups: further groups by name, sorted. password: the field of /etc/shadow ("" when unreadable)."""

    name: str
    uid: int
    gid: int
    comment: str = ""
    home: str = ""
    shell: str = ""
    groups: Tuple[str, ...] = ()
    password: str = ""
    expires: str = ""
    ages: Tuple[str, ...] = ()  # days of /etc/shadow: minimum, maximum, warning, inactive


@dataclass(frozen=True)
class Group:
    """One group and the users that are in it as a further group."""

    name: str
    gid: int
    members: Tuple[str, ...] = ()


class Accounts:
    """The live accounts."""

    def __init__(self, execute: Callable[..., Completed], shadow: str = "/etc/shadow") -> None:
        """execute: how a program that changes accounts is run."""
        self.execute = execute
        self.shadow = shadow

    def user(self, name: str) -> Optional[User]:
        """A user by name with its further groups, None when there is none."""
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            return None
        groups = sorted(group.gr_name for group in grp.getgrall() if name in group.gr_mem)
        fields = self._shadow(name)
        return User(name, found.pw_uid, found.pw_gid, found.pw_gecos, found.pw_dir, found.pw_shell,
                    tuple(groups), fields[1], fields[7], tuple(fields[3:7]))

    def group(self, name: str) -> Optional[Group]:
        """A group by name, None when there is none."""
        try:
            found = grp.getgrnam(name)
        except KeyError:
            return None
        return Group(name, found.gr_gid, tuple(sorted(found.gr_mem)))

    def user_id(self, name: str) -> Optional[int]:
        """The number of a user by name, without its groups."""
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            return None

    def user_name(self, uid: int) -> Optional[str]:
        """The name of a user by number."""
        try:
            return pwd.getpwuid(uid).pw_name
        except KeyError:
            return None

    def group_name(self, gid: int) -> Optional[str]:
        """The name of a group by number."""
        try:
            return grp.getgrgid(gid).gr_name
        except KeyError:
            return None

    def users_of(self, gid: int) -> List[str]:
        """The users whose main group has the number, sorted."""
        return sorted(user.pw_name for user in pwd.getpwall() if user.pw_gid == gid)

    def change_user(self, name: str, argv: Sequence[str], becomes: Optional[User]) -> None:
        """Run the program that changes a user. becomes: what a prediction shall show afterwards (None: gone)."""
        self._run(argv)

    def change_group(self, name: str, argv: Sequence[str], becomes: Optional[Group]) -> None:
        """Run the program that changes a group."""
        self._run(argv)

    def _run(self, argv: Sequence[str]) -> None:
        """A program of the account tools; anything but 0 fails with its own words."""
        done = self.execute(argv)
        if done.returncode:
            raise ModuleFailed(
                f"{argv[0]} failed: {done.stderr.strip() or done.stdout.strip()}",
                {"rc": done.returncode, "cmd": list(argv)},
            )

    def _shadow(self, name: str) -> List[str]:
        """The fields of a user in /etc/shadow; empty where not readable."""
        try:
            with open(self.shadow, encoding="utf-8", errors="surrogateescape") as file:
                for line in file:
                    if line.startswith(name + ":"):
                        return [*line.rstrip("\n").split(":"), *([""] * 9)][:9]
        except OSError:
            pass
        return [""] * 9


def owner_id(accounts: Accounts, owner: str) -> int:
    """The number of a user given by name or number. Raises ModuleFailed when no such user exists."""
    found = accounts.user_id(owner)
    if found is not None:
        return found
    if owner.isdigit():
        return int(owner)
    raise ModuleFailed(f"owner is {owner!r}: no such user", next_step=f"Create user {owner} in an earlier step.")


def group_id(accounts: Accounts, group: str) -> int:
    """The number of a group given by name or number. Raises ModuleFailed when no such group exists."""
    found = accounts.group(group)
    if found is not None:
        return found.gid
    if group.isdigit():
        return int(group)
    raise ModuleFailed(f"group is {group!r}: no such group", next_step=f"Create group {group} in an earlier step.")


def home_of(accounts: Accounts, name: str) -> str:
    """A user's home directory."""
    found = accounts.user(name)
    if found is None:
        raise ModuleFailed(f"no such user: {name}", next_step=f"Create user {name} in an earlier step.")
    return found.home or os.path.join("/home", name)
