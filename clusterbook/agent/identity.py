"""Who the agent is and becoming somebody else in a forked child."""

from __future__ import annotations

import os
import pwd
from typing import Optional

from clusterbook.agent.late import load_all


class UnknownUser(Exception):
    """The account to become does not exist, or this agent may not become it."""


def login_user() -> str:
    """The account that logged in: sudo names it when the agent was started through sudo."""
    return os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name


def becomes(user: str) -> bool:
    """Whether that is another account than this process has."""
    try:
        return bool(user) and _account(user).pw_uid != os.geteuid()
    except UnknownUser:
        return False


def become(user: str) -> None:
    """Turn this process into `user` for good: groups, user, HOME, USER, LOGNAME, directory. Call it in a fork only."""
    account = _account(user)
    if account.pw_uid == os.geteuid():
        return
    if os.geteuid() != 0:
        raise UnknownUser(f"this agent runs as uid {os.geteuid()} and cannot become {user}")
    load_all()
    os.setgroups(os.getgrouplist(account.pw_name, account.pw_gid))
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    os.environ.update(HOME=account.pw_dir, USER=account.pw_name, LOGNAME=account.pw_name, SHELL=account.pw_shell)


def enter_home() -> None:
    """Commands start where the connection does: at home over ssh, where the program was started on its own machine.

    A user who may not be there starts at home.
    """
    try:
        if os.access(os.getcwd(), os.R_OK | os.X_OK):
            return
    except OSError:
        pass
    try:
        os.chdir(os.path.expanduser("~"))
    except OSError:
        os.chdir("/")


def _account(user: str) -> pwd.struct_passwd:
    found: Optional[pwd.struct_passwd] = None
    try:
        found = pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
    except KeyError:
        raise UnknownUser(f"there is no account {user!r} on this host to become") from None
    return found
