"""How long passwords last: the fields of /etc/shadow that chage sets."""

from __future__ import annotations

from typing import Any, List, Mapping, Tuple

from clusterbook.modules.contract import Arguments, Parameter
from clusterbook.modules.system import System
from clusterbook.modules.system.accounts import User

AGE_PARAMETERS: Mapping[str, Parameter] = {
    "password_expire_min": Parameter("int", "Days before the password may be changed again."),
    "password_expire_max": Parameter("int", "Days after which it must be changed."),
    "password_expire_warn": Parameter("int", "Days of warning before that."),
    "password_expire_account_disable": Parameter("int", "Days after that until the account is closed."),
}
SWITCHES = ("-m", "-M", "-W", "-I")  # of chage, in the order of the fields and of AGE_PARAMETERS


def age_changes(arguments: Arguments, user: User) -> List[Tuple[str, Any, Any]]:
    """(parameter, days now, days wanted) of what differs; a field that is empty stands for -1."""
    ages = user.ages or ("",) * len(SWITCHES)
    pairs = ((name, int(ages[index] or -1)) for index, name in enumerate(AGE_PARAMETERS))
    return [(name, days, arguments[name]) for name, days in pairs if arguments[name] not in (None, days)]


def set_ages(arguments: Arguments, user: User, becomes: User, system: System) -> None:
    """chage for what differs."""
    differing = {name: days for name, _, days in age_changes(arguments, user)}
    words = [word for name, switch in zip(AGE_PARAMETERS, SWITCHES) if name in differing
             for word in (switch, str(differing[name]))]
    if words:
        system.accounts.change_user(user.name, ["chage", *words, user.name], becomes)


def aged(arguments: Arguments, user: User) -> Tuple[str, ...]:
    """The fields as they will be."""
    ages = user.ages or ("",) * len(SWITCHES)
    given = [arguments[name] for name in AGE_PARAMETERS]
    return tuple(old if days is None else "" if days < 0 else str(days) for old, days in zip(ages, given))
