"""Users of the host."""

from __future__ import annotations

import os
import time
from typing import Any, Dict, List, Optional, Tuple

from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.homes import make_home
from clusterbook.modules.password_ages import AGE_PARAMETERS, age_changes, aged, set_ages
from clusterbook.modules.system import System
from clusterbook.modules.system.accounts import UNBORN, User, group_id
from clusterbook.modules.system.files import Attributes
from clusterbook.records import replace

FOREIGN = ("authorization", "login_class", "profile", "role", "seuser")
NAME = "ansible.builtin.user"
KIND = "state"
DESCRIPTION = "Make, change and remove users."
PARAMETERS = {
    "name": Parameter("str", "The user.", required=True, aliases=("user",)),
    "state": Parameter("str", "Whether it exists.", default="present", choices=("absent", "present")),
    "uid": Parameter("int", "Its number."),
    "non_unique": Parameter("bool", "Accept a number that another user has.", default=False),
    "group": Parameter("str", "Its main group; by default one of its own name."),
    "groups": Parameter("list", "Further groups.", elements="str"),
    "append": Parameter("bool", "Keep further groups that are not listed.", default=False),
    "comment": Parameter("str", "Full name or purpose."),
    "home": Parameter("path", "Home directory."),
    "create_home": Parameter("bool", "Make the home directory.", default=True, aliases=("createhome",)),
    "move_home": Parameter("bool", "Move what is in the old home directory.", default=False),
    "skeleton": Parameter("str", "Directory whose files a new home gets."),
    "shell": Parameter("path", "Login shell."),
    "system": Parameter("bool", "Give a new one a number of the system's range.", default=False),
    "password": Parameter("str", "Hash of the password.", secret=True),
    "update_password": Parameter("str", "Whether to change it later on.", default="always",
                                 choices=("always", "on_create")),
    "password_lock": Parameter("bool", "Lock the password."),
    "expires": Parameter("float", "End of the account in seconds since the epoch; below 0: never."),
    "remove": Parameter("bool", "With absent: remove home and mail too.", default=False),
    "force": Parameter("bool", "With absent: remove though it is logged in.", default=False),
    "generate_ssh_key": Parameter("bool", "Make an SSH key.", default=False),
    "ssh_key_type": Parameter("str", "Kind of that key.", default="rsa"),
    "ssh_key_bits": Parameter("int", "Its length."),
    "ssh_key_file": Parameter("path", "Its file; .ssh/id_TYPE by default."),
    "ssh_key_comment": Parameter("str", "Its comment."),
    "ssh_key_passphrase": Parameter("str", "Its passphrase.", secret=True),
    "local": Parameter("bool", "Not supported.", default=False),
    "umask": Parameter("str", "Umask of a new home directory."),
    "uid_min": Parameter("int", "Smallest number to choose."),
    "uid_max": Parameter("int", "Largest number to choose."),
    **AGE_PARAMETERS,
    **{name: Parameter("str", "Of other systems than Linux; not supported.") for name in FOREIGN},
    "hidden": Parameter("bool", "Of macOS; not supported."),
}
DAY = 86400


def observe(arguments: Arguments, system: System) -> State:
    """The user as it is, the number of its wanted main group, its home and key."""
    user = system.accounts.user(arguments["name"])
    state: State = {"user": user, "gid": None, "home": None, "key": True, "key_file": None}
    if arguments["state"] == "absent":
        return state
    if arguments["group"] is not None:
        state["gid"] = group_id(system.accounts, arguments["group"])
    for group in arguments["groups"] or ():
        if group:
            group_id(system.accounts, group)
    home = arguments["home"] or (user.home if user else "")
    if home:
        state["home"] = system.files.stat(home, True)
    if arguments["generate_ssh_key"]:
        state["key_file"] = key_file(arguments, user)
        state["key"] = bool(user) and system.files.stat(state["key_file"]) is not None
        state["told"] = told_of_key(state["key_file"], system) if state["key"] else {}
    return state


def told_of_key(path: str, system: System) -> Dict[str, Any]:
    """What Ansible returns of a key: the line to put into authorized_keys (None without its file), its fingerprint."""
    public = f"{path}.pub"
    found = system.files.stat(public)  # not where a link leads: the user may point it at what only root reads
    there = found is not None and found.kind == "file"
    print_of_it = system.query(["ssh-keygen", "-l", "-f", public if there else path])
    return {"ssh_public_key": system.files.read(public).decode("utf-8", "replace").strip() if there else None,
            "ssh_fingerprint": (print_of_it.stderr if print_of_it.returncode else print_of_it.stdout).strip()}


def key_file(arguments: Arguments, user: Optional[User]) -> str:
    """Where the SSH key is."""
    home = user.home if user else arguments["home"] or f"/home/{arguments['name']}"
    return os.path.join(home, arguments["ssh_key_file"] or f".ssh/id_{arguments['ssh_key_type']}")


def diff(arguments: Arguments, state: State) -> List[Change]:
    """What is not as wanted; passwords are never shown."""
    user: Optional[User] = state["user"]
    name = arguments["name"]
    if arguments["state"] == "absent":
        return [Change(f"user {name}", "present", None)] if user else []
    if user is None:
        return [Change(f"user {name}", None, "present")]
    changes = [Change(what, before, after) for what, before, after in simple_changes(arguments, state, user)]
    if password_differs(arguments, user):
        changes.append(Change("password", "(hidden)", "(hidden)"))
    if arguments["password_lock"] is not None and user.password.startswith("!") != arguments["password_lock"]:
        changes.append(Change("password locked", user.password.startswith("!"), arguments["password_lock"]))
    if arguments["create_home"] and state["home"] is None and not arguments["system"]:
        changes.append(Change("home directory", None, arguments["home"] or user.home))
    if not state["key"]:
        changes.append(Change("ssh key", None, state["key_file"]))
    return changes


def simple_changes(arguments: Arguments, state: State, user: User) -> List[Tuple[str, Any, Any]]:
    """Values that are compared as they are."""
    groups = wanted_groups(arguments, user)
    pairs = [
        ("uid", user.uid, arguments["uid"]), ("group", user.gid, state["gid"]),
        ("comment", user.comment, arguments["comment"]),
        ("home", user.home, arguments["home"]), ("shell", user.shell, arguments["shell"]),
        ("groups", ",".join(user.groups), None if groups is None else ",".join(groups)),
        ("expires", user.expires, expiry_days(arguments)),
    ]
    found = [(what, before, after) for what, before, after in pairs if after is not None and before != after]
    return [*found, *age_changes(arguments, user)]


def wanted_groups(arguments: Arguments, user: User) -> Optional[Tuple[str, ...]]:
    """The further groups that the user shall be in, sorted; None when they do not matter."""
    if arguments["groups"] is None:
        return None
    wanted = {group for group in arguments["groups"] if group}
    return tuple(sorted(wanted | set(user.groups) if arguments["append"] else wanted))


def expiry_days(arguments: Arguments) -> Optional[str]:
    """The end of the account as /etc/shadow has it: days since 1970, empty for never."""
    if arguments["expires"] is None:
        return None
    return "" if arguments["expires"] < 0 else str(int(arguments["expires"] // DAY))


def password_differs(arguments: Arguments, user: User) -> bool:
    """Whether another hash is wanted."""
    wanted = arguments["password"]
    if wanted is None or arguments["update_password"] == "on_create":  # noqa: S105 - a word
        return False
    return bool(user.password.lstrip("!") != wanted.lstrip("!"))


def apply(arguments: Arguments, state: State, system: System) -> None:
    """useradd, usermod or userdel."""
    name = arguments["name"]
    for key in ("local", "hidden", *FOREIGN):
        if arguments[key]:
            raise ModuleFailed(f"{key} is not supported", next_step=f"Remove {key} from the step.")
    if arguments["state"] == "absent":
        switches = [word for word, key in (("-f", "force"), ("-r", "remove")) if arguments[key]]
        system.accounts.change_user(name, ["userdel", *switches, name], None)
        return
    if state["user"] is None:
        create(arguments, state, system)
    else:
        modify(arguments, state, state["user"], system)
    if not state["key"]:
        make_key(arguments, state, system)


def create(arguments: Arguments, state: State, system: System) -> None:
    """Add the user. The password travels by standard input, not on a command line."""
    name, home = arguments["name"], arguments["home"] or f"/home/{arguments['name']}"
    words = ["useradd", *common(arguments)]
    group = arguments["group"]
    if group is not None:
        words += ["-g", group]
    else:
        words += ["-N", "-g", name] if system.accounts.group(name) is not None else ["-U"]
    groups = [item for item in arguments["groups"] or () if item]
    words += ["-G", ",".join(groups)] if groups else []
    words += ["-r"] if arguments["system"] else []
    if arguments["create_home"]:
        words += ["-m", *(["-k", arguments["skeleton"]] if arguments["skeleton"] else [])]
    else:
        words.append("-M")
    for key in ("uid_min", "uid_max", "umask"):
        words += ["-K", f"{key.upper()}={arguments[key]}"] if arguments[key] is not None else []
    words += ["-d", home] if arguments["home"] else []
    gid = state["gid"] if state["gid"] is not None else UNBORN
    user = User(name, UNBORN if arguments["uid"] is None else arguments["uid"], gid, arguments["comment"] or "", home,
                arguments["shell"] or "/bin/sh", tuple(sorted(groups)), arguments["password"] or "!")
    system.accounts.change_user(name, [*words, name], user)
    if system.predicting and arguments["create_home"] and system.files.stat(home) is None:
        system.files.make_directory(home)
        system.files.attributes(home, Attributes(user.uid, user.gid, 0o700))
    set_password(arguments, user, system, arguments["password"] is not None)
    made = system.accounts.user(name) or user
    set_ages(arguments, made, replace(made, ages=aged(arguments, made)), system)


def common(arguments: Arguments) -> List[str]:
    """The words that useradd and usermod share."""
    words: List[str] = []
    if arguments["uid"] is not None:
        words += ["-u", str(arguments["uid"]), *(["-o"] if arguments["non_unique"] else [])]
    if arguments["comment"] is not None:
        words += ["-c", arguments["comment"]]
    if arguments["shell"] is not None:
        words += ["-s", arguments["shell"]]
    if arguments["expires"] is not None:
        days = expiry_days(arguments)
        words += ["-e", time.strftime("%Y-%m-%d", time.gmtime(int(days) * DAY)) if days else ""]
    return words


def modify(arguments: Arguments, state: State, user: User, system: System) -> None:
    """Change what differs, in one run of usermod."""
    name = user.name
    differing = {what for what, _, _ in simple_changes(arguments, state, user)}
    same = {key: None for key in ("uid", "comment", "shell", "expires") if key not in differing}
    words = common({**arguments, **same})
    words += ["-g", arguments["group"]] if "group" in differing else []
    groups = wanted_groups(arguments, user)
    words += ["-G", ",".join(groups or ())] if "groups" in differing else []
    if "home" in differing:
        words += ["-d", arguments["home"], *(["-m"] if arguments["move_home"] else [])]
    becomes = replace(
        user, uid=arguments["uid"] if "uid" in differing else user.uid,
        gid=state["gid"] if "group" in differing else user.gid,
        comment=arguments["comment"] or user.comment, home=arguments["home"] or user.home,
        shell=arguments["shell"] or user.shell, groups=user.groups if groups is None else groups)
    if words:
        system.accounts.change_user(name, ["usermod", *words, name], becomes)
    becomes = replace(becomes, ages=aged(arguments, user))
    set_ages(arguments, user, becomes, system)
    set_password(arguments, becomes, system, password_differs(arguments, user))
    moved = state["home"] is None and system.files.stat(becomes.home, True) is not None
    if arguments["create_home"] and state["home"] is None and not moved and not arguments["system"]:
        make_home(arguments["skeleton"], becomes, system)


def set_password(arguments: Arguments, user: User, system: System, hashed: bool) -> None:
    """Give chpasswd the hash on its standard input; lock or unlock."""
    if hashed and not system.predicting:
        done = system.execute(["chpasswd", "-e"], stdin=f"{user.name}:{arguments['password']}\n")
        if done.returncode:
            raise ModuleFailed(f"chpasswd failed: {done.stderr.strip()}", {"rc": done.returncode})
    lock = arguments["password_lock"]
    if lock is not None and (hashed or user.password.startswith("!") != lock):
        system.accounts.change_user(user.name, ["usermod", "-L" if lock else "-U", user.name], user)


def make_key(arguments: Arguments, state: State, system: System) -> None:
    """An SSH key in the user's home, owned by the user."""
    user = system.accounts.user(arguments["name"])
    if user is None:
        return
    path = key_file(arguments, user)
    directory = os.path.dirname(path)
    if system.files.stat(directory) is None:
        system.files.make_directory(directory, 0o700)
        system.files.attributes(directory, Attributes(user.uid, user.gid, 0o700))
    bits = ["-b", str(arguments["ssh_key_bits"])] if arguments["ssh_key_bits"] else []
    comment = arguments["ssh_key_comment"] or f"ansible-generated on {os.uname().nodename}"
    done = system.execute(["ssh-keygen", "-q", "-t", arguments["ssh_key_type"], *bits, "-C", comment, "-N",
                           arguments["ssh_key_passphrase"] or "", "-f", path])
    if done.returncode:
        raise ModuleFailed(f"ssh-keygen failed: {done.stderr.strip()}", {"rc": done.returncode})
    for name in (path, path + ".pub"):
        system.files.attributes(name, Attributes(user.uid, user.gid))


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys."""
    values: Dict[str, Any] = {"name": arguments["name"], "state": arguments["state"]}
    user: Optional[User] = after["user"]
    if arguments["state"] == "absent":
        values.update(force=arguments["force"], remove=arguments["remove"])
    elif user is not None:
        values.update(uid=user.uid, group=user.gid, comment=user.comment, home=user.home, shell=user.shell,
                      append=arguments["append"], move_home=arguments["move_home"])
        if arguments["groups"] is not None:
            values["groups"] = ",".join(arguments["groups"])
        if before["user"] is None:
            values.update(create_home=arguments["create_home"], system=arguments["system"])
        if arguments["password"] is not None:
            values["password"] = "NOT_LOGGING_PASSWORD"  # noqa: S105 - Ansible's own word
        if after["key_file"]:
            values.update(ssh_key_file=after["key_file"], **after["told"])
    return values
