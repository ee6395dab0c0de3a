"""ansible-playbook's options."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from clusterbook import __version__
from clusterbook.records import dataclass

USAGE_ERROR = 2


@dataclass(frozen=True)
class Options:
    """The command line as it was written; None and empty where an option is not given."""

    playbooks: tuple[str, ...]
    inventory: tuple[str, ...] = ()
    extra_vars: tuple[str, ...] = ()
    limit: str = ""
    tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()
    check: bool = False
    diff: bool = False
    forks: int | None = None
    verbosity: int = 0
    become: bool = False
    become_user: str | None = None
    become_method: str | None = None
    ask_become_pass: bool = False
    become_password_file: str | None = None
    user: str | None = None
    ask_pass: bool = False
    connection_password_file: str | None = None
    private_key: str | None = None
    connection: str | None = None
    timeout: int | None = None
    ssh_common_args: str | None = None
    ssh_extra_args: str | None = None
    list_hosts: bool = False
    list_tasks: bool = False
    list_tags: bool = False
    syntax_check: bool = False
    start_at_task: str = ""
    step: bool = False
    force_handlers: bool = False
    flush_cache: bool = False
    vault_ids: tuple[str, ...] = ()
    vault_password_files: tuple[str, ...] = ()
    ask_vault_pass: bool = False


def parse(arguments: Sequence[str]) -> Options:
    """The options of a command line. Wrong usage ends the program with status 2, as it does there."""
    given = vars(_parser().parse_args(list(arguments)))
    for name in ("playbooks", "inventory", "extra_vars", "tags", "skip_tags", "vault_ids", "vault_password_files"):
        given[name] = tuple(given[name] or ())
    for ignored in ("module_path", "sftp_extra_args", "scp_extra_args"):
        given.pop(ignored)
    return Options(**given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="clusterbook-playbook",
        description="Run playbooks with ansible-playbook's options, output and exit status.",
    )
    parser.add_argument("playbooks", nargs="+", metavar="playbook", help="playbooks, run one after the other")
    parser.add_argument("--version", action="version", version=f"clusterbook-playbook [clusterbook {__version__}]")
    parser.add_argument("-v", "--verbose", dest="verbosity", action="count", default=0,
                        help="show the results of tasks; repeat for more")
    _selection(parser.add_argument_group("what is run"))
    _connection(parser.add_argument_group("how hosts are reached"))
    _become(parser.add_argument_group("other users"))
    _listing(parser.add_argument_group("instead of running"))
    _vault(parser.add_argument_group("vault"))
    return parser


def _selection(group: argparse._ArgumentGroup) -> None:
    group.add_argument("-i", "--inventory", "--inventory-file", action="append", metavar="PATH",
                       help="a file, a folder or a list 'host,'; may be repeated")
    group.add_argument("-e", "--extra-vars", action="append", metavar="VARS",
                       help="NAME=VALUE, YAML, JSON or @FILE; may be repeated")
    group.add_argument("-l", "--limit", default="", metavar="SUBSET", help="only these hosts or groups, or @FILE")
    group.add_argument("-t", "--tags", action="append", help="only tasks with these tags")
    group.add_argument("--skip-tags", action="append", help="leave out tasks with these tags, separated by commas")
    group.add_argument("-C", "--check", action="store_true", help="predict changes, make none")
    group.add_argument("-D", "--diff", action="store_true", help="show what changes in files")
    group.add_argument("-f", "--forks", type=int, help="work on so many hosts at a time")
    group.add_argument("--start-at-task", default="", metavar="NAME", help="begin with the task of this name")
    group.add_argument("--step", action="store_true", help="ask before each task")
    group.add_argument("--force-handlers", action="store_true", help="run handlers also when a task failed")
    group.add_argument("--flush-cache", action="store_true", help="taken for compatibility: facts are never cached")
    group.add_argument("-M", "--module-path", action="append", help="taken for compatibility: modules are built in")


def _connection(group: argparse._ArgumentGroup) -> None:
    group.add_argument("-u", "--user", help="log in as this user")
    group.add_argument("-k", "--ask-pass", action="store_true", help="ask for the password of the login")
    group.add_argument("--connection-password-file", "--conn-pass-file", metavar="FILE",
                       help="file with the password of the login")
    group.add_argument("--private-key", "--key-file", metavar="FILE", help="private key for the login")
    group.add_argument("-c", "--connection", help="ssh or local")
    group.add_argument("-T", "--timeout", type=int, help="seconds to wait for a connection")
    group.add_argument("--ssh-common-args", metavar="ARGS", help="options of OpenSSH, such as '-o ProxyJump=HOST'")
    group.add_argument("--ssh-extra-args", metavar="ARGS", help="more options of OpenSSH")
    for name in ("--sftp-extra-args", "--scp-extra-args"):
        group.add_argument(name, metavar="ARGS", help="taken for compatibility: neither sftp nor scp is used")


def _become(group: argparse._ArgumentGroup) -> None:
    group.add_argument("-b", "--become", action="store_true", help="run tasks as another user")
    group.add_argument("--become-user", metavar="USER", help="that user (root)")
    group.add_argument("--become-method", metavar="METHOD", help="only sudo is known")
    group.add_argument("-K", "--ask-become-pass", action="store_true", help="ask for sudo's password")
    group.add_argument("--become-password-file", "--become-pass-file", metavar="FILE",
                       help="file with sudo's password")


def _listing(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--list-hosts", action="store_true", help="show the hosts of each play")
    group.add_argument("--list-tasks", action="store_true", help="show the tasks of each play")
    group.add_argument("--list-tags", action="store_true", help="show the tags of each play")
    group.add_argument("--syntax-check", action="store_true", help="read and check everything")


def _vault(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--vault-id", dest="vault_ids", action="append", metavar="ID@SOURCE",
                       help="a vault password: a file, or 'prompt'")
    group.add_argument("--vault-password-file", "--vault-pass-file", dest="vault_password_files", action="append",
                       metavar="FILE", help="file with the vault's password")
    group.add_argument("-J", "--ask-vault-password", "--ask-vault-pass", dest="ask_vault_pass", action="store_true",
                       help="ask for the vault's password")
