"""Working copies of git repositories."""

from __future__ import annotations

import os
import re
import shlex
from typing import Any, Dict, List, Mapping, Optional

from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.system import System
from clusterbook.modules.system.commands import Completed

NAME = "ansible.builtin.git"
KIND = "state"
SUBJECT = "dest"
DESCRIPTION = "Keep a working copy of a git repository at a version."
PARAMETERS = {
    "repo": Parameter("str", "Address of the repository.", required=True, aliases=("name",)),
    "dest": Parameter("path", "Directory of the working copy.", required=True),
    "version": Parameter("str", "Branch, tag or commit; HEAD is the repository's main branch.", default="HEAD"),
    "remote": Parameter("str", "Name of the remote.", default="origin"),
    "refspec": Parameter("str", "Further references to fetch."),
    "force": Parameter("bool", "Throw local changes away.", default=False),
    "update": Parameter("bool", "Fetch what is new.", default=True),
    "clone": Parameter("bool", "Make the working copy when there is none.", default=True),
    "depth": Parameter("int", "Fetch so many commits only."),
    "bare": Parameter("bool", "A repository without working copy.", default=False),
    "recursive": Parameter("bool", "Submodules too.", default=True),
    "track_submodules": Parameter("bool", "Submodules at the newest commit of their branch.", default=False),
    "single_branch": Parameter("bool", "Fetch the one branch only.", default=False),
    "reference": Parameter("str", "Repository of the host to borrow objects from."),
    "executable": Parameter("path", "The git program."),
    "umask": Parameter("raw", "Umask for new files."),
    "key_file": Parameter("path", "Private key for ssh."),
    "ssh_opts": Parameter("str", "Options for ssh."),
    "accept_hostkey": Parameter("bool", "Trust any key of the server. Better: known_hosts.", default=False),
    "accept_newhostkey": Parameter("bool", "Trust the key of a server that is not known yet.", default=False),
    "archive": Parameter("path", "Not supported: see module archive."),
    "archive_prefix": Parameter("str", "Not supported."),
    "separate_git_dir": Parameter("path", "Not supported."),
    "verify_commit": Parameter("bool", "Check the signature of the commit.", default=False),
    "gpg_allowlist": Parameter("list", "Fingerprints that may have signed.", default=[], elements="str",
                               aliases=("gpg_whitelist",)),
}
MUTUALLY_EXCLUSIVE = (("accept_hostkey", "accept_newhostkey"),)
UNSUPPORTED = ("archive", "archive_prefix", "separate_git_dir")
COMMIT = re.compile("[0-9a-f]{40}")


def environment(arguments: Arguments) -> Mapping[str, str]:
    """Never ask a person; ssh as the parameters say."""
    words = ["ssh", *shlex.split(arguments["ssh_opts"] or ""), "-o", "BatchMode=yes"]
    if arguments["accept_hostkey"]:
        words += ["-o", "StrictHostKeyChecking=no"]
    elif arguments["accept_newhostkey"]:
        words += ["-o", "StrictHostKeyChecking=accept-new"]
    if arguments["key_file"]:
        words += ["-i", arguments["key_file"], "-o", "IdentitiesOnly=yes"]
    return {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8", "GIT_SSH_COMMAND": shlex.join(words)}


def git(arguments: Arguments, words: List[str], system: System, change: bool = False, there: bool = True) -> Completed:
    """Run git, in the working copy unless there is false."""
    place = ["-C", arguments["dest"]] if there else []
    argv = [arguments["executable"] or "git", *place, *words]
    mask = arguments["umask"]
    options: Dict[str, Any] = {} if mask is None else {"umask": int(str(mask), 8)}
    done = (system.execute if change else system.query)(argv, environment=environment(arguments), **options)
    if done.returncode == 127:
        raise ModuleFailed("git is not on this host", {"rc": 127}, "Install git in an earlier step.")
    if change and done.returncode:
        raise ModuleFailed(f"'git {' '.join(words)}' failed: {done.stderr.strip()}", {"rc": done.returncode,
                           "stdout": done.stdout, "stderr": done.stderr})
    return done


def address(arguments: Arguments) -> str:
    """Of the repository; that of a path of the host begins with file://, as in Ansible."""
    repo: str = arguments["repo"]
    path = os.path.expanduser(repo)
    return f"file://{path}" if path.startswith("/") else repo


def observe(arguments: Arguments, system: System) -> State:
    """The commit that is checked out and its branch, the wanted ones, the remote's address, local changes."""
    for name in UNSUPPORTED:
        if arguments[name]:
            raise ModuleFailed(f"{name} is not supported", next_step=f"Remove {name} from the step.")
    place = arguments["dest"] if arguments["bare"] else os.path.join(arguments["dest"], ".git")
    there = system.files.stat(os.path.join(place, "HEAD") if arguments["bare"] else place, True) is not None
    state: State = {"there": there, "before": None, "url": None, "dirty": False, "wanted": None,
                    "branch": None, "wanted_branch": None}
    if there:
        head = git(arguments, ["rev-parse", "HEAD"], system)
        if "dubious ownership" in head.stderr:
            raise ModuleFailed(f"{arguments['dest']} belongs to another user, whose settings git would obey",
                               {"stderr": head.stderr}, "Run this step as its owner with become_user.")
        state["before"] = head.stdout.strip() if not head.returncode else None
        state["url"] = git(arguments, ["remote", "get-url", arguments["remote"]], system).stdout.strip() or None
        if not arguments["bare"]:
            changed = git(arguments, ["status", "--porcelain", "--untracked-files=no"], system).stdout
            state["dirty"] = bool(changed.strip())
            state["branch"] = git(arguments, ["symbolic-ref", "-q", "--short", "HEAD"], system).stdout.strip() or None
    state["wanted"] = state["before"] if there and not arguments["update"] else remote_commit(arguments, state, system)
    if there and not arguments["update"] and arguments["version"] != "HEAD":
        local = git(arguments, ["rev-parse", "--verify", "-q", f"{arguments['version']}^{{commit}}"], system)
        state["wanted"] = local.stdout.strip() or state["before"]
    if state["dirty"] and arguments["update"] and not arguments["force"]:
        raise ModuleFailed(f"Local modifications exist in the destination: {arguments['dest']} (force=no).",
                           {"before": state["before"]}, "Commit or drop them on the host, or set force: true.")
    return state


def remote_commit(arguments: Arguments, state: State, system: System) -> str:
    """The commit that the version names in the repository."""
    version: str = arguments["version"]
    if COMMIT.fullmatch(version):
        return version
    done = git(arguments, ["ls-remote", address(arguments)], system, there=False)
    if done.returncode:
        raise ModuleFailed(f"{arguments['repo']} does not answer: {done.stderr.strip()}", {"rc": done.returncode},
                           "Check the address, and that the host may read it.")
    found = {name: commit for commit, _, name in (line.partition("\t") for line in done.stdout.splitlines())}
    for name in (f"refs/heads/{version}", f"refs/tags/{version}^{{}}", f"refs/tags/{version}", version):
        if name in found:
            state["wanted_branch"] = version if name.startswith("refs/heads/") and not arguments["bare"] else None
            return found[name]
    if state["there"]:
        local = git(arguments, ["rev-parse", "--verify", "-q", f"{version}^{{commit}}"], system).stdout.strip()
        if local:
            return str(local)
    if re.fullmatch("[0-9a-f]{7,39}", version):
        return version
    raise ModuleFailed(f"version is {version!r}, which {arguments['repo']} does not have",
                       next_step="Correct version: a branch, a tag or a whole commit.")


def diff(arguments: Arguments, state: State) -> List[Change]:
    """The commit, the remote's address, local changes that force drops."""
    if not state["there"]:
        return [Change("commit", None, state["wanted"])] if arguments["clone"] else []
    changes = []
    if state["url"] != address(arguments):
        changes.append(Change(f"remote {arguments['remote']}", state["url"], address(arguments)))
    if not (state["before"] or "").startswith(state["wanted"] or ""):
        changes.append(Change("commit", state["before"], state["wanted"]))
    elif state["wanted_branch"] not in (None, state["branch"]):
        changes.append(Change("branch", state["branch"], state["wanted_branch"]))
    if state["dirty"] and arguments["force"]:
        changes.append(Change("local changes", "present", None))
    return changes


def apply(arguments: Arguments, state: State, system: System) -> None:
    """Clone or fetch, then check the wanted commit out."""
    if system.predicting:
        getattr(system.files, "forget", lambda path, reason: None)(
            arguments["dest"], f"{arguments['dest']} is a working copy that is not there yet")
    if not state["there"]:
        clone(arguments, system)
    else:
        action = "set-url" if state["url"] else "add"
        git(arguments, ["remote", action, arguments["remote"], address(arguments)], system, True)
        if arguments["update"]:
            fetch(arguments, system)
    if arguments["bare"]:
        return
    verify(arguments, state["wanted"], system)
    check_out(arguments, state, system)
    if arguments["recursive"] and os.path.exists(os.path.join(arguments["dest"], ".gitmodules")):
        newest = ["--remote"] if arguments["track_submodules"] else []
        git(arguments, ["submodule", "update", "--init", "--recursive", *newest], system, True)


def clone(arguments: Arguments, system: System) -> None:
    """A new working copy, without checking anything out yet."""
    words = ["clone", *(["--bare"] if arguments["bare"] else ["--no-checkout", "--origin", arguments["remote"]])]
    words += ["--depth", str(arguments["depth"])] if arguments["depth"] else []
    words += ["--single-branch"] if arguments["single_branch"] else []
    words += ["--reference", arguments["reference"]] if arguments["reference"] else []
    named = arguments["version"] != "HEAD" and not re.fullmatch("[0-9a-f]{7,40}", arguments["version"])
    words += ["--branch", arguments["version"]] if named and not arguments["bare"] and arguments["depth"] else []
    git(arguments, [*words, address(arguments), arguments["dest"]], system, True, there=False)
    if arguments["refspec"]:
        git(arguments, ["fetch", arguments["remote"], arguments["refspec"]], system, True)


def fetch(arguments: Arguments, system: System) -> None:
    """What is new in the repository."""
    depth = ["--depth", str(arguments["depth"])] if arguments["depth"] else []
    if arguments["bare"]:
        git(arguments, ["fetch", *depth, arguments["remote"], "+refs/heads/*:refs/heads/*"], system, True)
        git(arguments, ["fetch", *depth, arguments["remote"], "+refs/tags/*:refs/tags/*"], system, True)
        return
    git(arguments, ["fetch", "--tags", "--force", *depth, arguments["remote"]], system, True)
    if arguments["refspec"]:
        git(arguments, ["fetch", *depth, arguments["remote"], arguments["refspec"]], system, True)


def verify(arguments: Arguments, commit: str, system: System) -> None:
    """The commit's signature, and who made it."""
    if not arguments["verify_commit"]:
        return
    done = git(arguments, ["verify-commit", "--raw", commit], system)
    signed = re.search(r"^\[GNUPG:\] VALIDSIG ([0-9A-F]+)", done.stderr, re.MULTILINE)
    if done.returncode or (arguments["gpg_allowlist"] and (not signed or signed[1] not in arguments["gpg_allowlist"])):
        raise ModuleFailed(f"commit {commit} has no signature that is accepted: {done.stderr.strip()}")


def check_out(arguments: Arguments, state: State, system: System) -> None:
    """The working copy at the wanted commit, on its branch when the version is one."""
    version, remote, force = arguments["version"], arguments["remote"], ["--force"] if arguments["force"] else []
    branch: Optional[str] = version
    if version == "HEAD":
        head = git(arguments, ["symbolic-ref", "-q", "--short", f"refs/remotes/{remote}/HEAD"], system).stdout.strip()
        branch = head.partition("/")[2] or None
    known = branch and not git(
        arguments, ["show-ref", "-q", "--verify", f"refs/remotes/{remote}/{branch}"], system).returncode
    if branch and known:
        git(arguments, ["checkout", *force, "-B", branch, "--track", f"{remote}/{branch}"], system, True)
        git(arguments, ["reset", "--hard", state["wanted"]], system, True)
    else:
        git(arguments, ["checkout", *force, "--detach", state["wanted"]], system, True)


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Ansible's keys."""
    changed = bool(before["there"] and before["url"] != address(arguments))
    values: Dict[str, Any] = {"before": before["before"], "after": after["before"] or before["wanted"],
                              "remote_url_changed": changed}
    return values
