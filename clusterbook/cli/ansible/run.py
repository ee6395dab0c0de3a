"""One playbook of `clusterbook-playbook`: its inventory, its plan, its run."""

from __future__ import annotations

import getpass
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from clusterbook import project
from clusterbook.cli.ansible.options import Options
from clusterbook.cli.ansible.settings import Settings, role_folders
from clusterbook.cli.extra_variables import extra_variables
from clusterbook.cli.lists import EVERY_TAG, listing, parts
from clusterbook.cli.prompts import Asker, answered, task_asker
from clusterbook.cli.vaults import decrypter, open_vault
from clusterbook.compile import Plan, Selection, compile_plan
from clusterbook.compile.context import tag_list
from clusterbook.compile.patience import loses_hosts
from clusterbook.compile.start import starting_at
from clusterbook.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_UNREACHABLE, InvalidInput, Position
from clusterbook.execute.asking import TaskAsker
from clusterbook.execute.events import Events
from clusterbook.execute.executors import new_key
from clusterbook.execute.hosts import Agents, evaluated
from clusterbook.execute.run import Outcome, Runner
from clusterbook.execute.services import Services
from clusterbook.execute.session import Refusal
from clusterbook.inventory import SourcedInventory, matcher
from clusterbook.inventory import load as load_inventory
from clusterbook.records import dataclass
from clusterbook.report.ansible import AnsibleReport, Look
from clusterbook.source import Vault, read_text
from clusterbook.transport import files
from clusterbook.transport.connect import Connector
from clusterbook.transport.protocol import Options as ConnectionOptions

SYSTEM_INVENTORY = "/etc/ansible/hosts"
FAILED, UNREACHABLE, INTERRUPTED = 2, 4, 99
_STATUS = {EXIT_FAILED: FAILED, EXIT_UNREACHABLE: UNREACHABLE, EXIT_INTERRUPTED: INTERRUPTED}


@dataclass(frozen=True)
class Passwords:
    """What was asked for before anything else. None: not needed."""

    login: str | None = None
    become: str | None = None


def run_playbook(name: str, options: Options, settings: Settings) -> int:
    """Run, check or list one playbook; Ansible's exit status. Raises ClusterbookError."""
    wanted = parts(options.list_hosts, options.list_tasks, options.list_tags)
    listed = options.syntax_check or bool(wanted)
    asks = task_asker() if options.step and not listed else None
    path = Path(name)
    vault = _vault(options, settings)
    passwords = _ask(options, settings)
    inventory = _inventory(path, options, settings, passwords, vault)
    folders = role_folders(settings, Path.home())
    selection = selection_of(options, settings, vault)
    loaded = project.load(
        path, root=path.resolve().parent, role_folders=folders, tolerant=True,
        extra_variables=selection.extra_variables, vault=vault,
    )
    asker = Asker(_nobody, terminal=_never if listed else _interactive)
    loaded = answered(loaded, selection.extra_variables, vault, asker)
    plan = compile_plan(loaded, inventory, selection, _matcher(inventory, options.limit))
    if options.syntax_check:
        print(f"\nplaybook: {name}")
        return 0
    if wanted:
        print("\n".join(listing(name, plan, wanted, whole=False)))
        return 0
    return _carry_out(plan, passwords, options, settings, vault, asks)


def _interactive() -> bool:
    if not sys.stdin.isatty():
        sys.stderr.write("[WARNING]: Not prompting as we are not in interactive mode\n")
    return sys.stdin.isatty()


def _never() -> bool:
    return False


def _nobody(prompt: Mapping[str, Any], where: Position) -> str:
    """As in Ansible, nothing is an answer, too."""
    return ""


def _vault(options: Options, settings: Settings) -> Vault:
    """Options win over settings; identities of the settings are tried first, as in Ansible."""
    ids = [*(settings.vault_identity_list or "").split(","), *options.vault_ids]
    files = list(options.vault_password_files)
    if settings.vault_password_file and not files:
        files.append(settings.vault_password_file)
    return open_vault(files, [text.strip() for text in ids if text.strip()], options.ask_vault_pass, {}, tolerant=True)


def selection_of(options: Options, settings: Settings, vault: Vault | None = None) -> Selection:
    """What the command line chooses; the settings count where it says nothing."""
    every = EVERY_TAG if options.list_tags and not options.skip_tags else ""
    tags = ",".join(options.tags) or settings.run_tags or every
    skipped = ",".join(options.skip_tags) or settings.skip_tags or ""
    return Selection(
        tags=tag_list(tags),
        skip_tags=tag_list(skipped),
        limit=options.limit,
        check=options.check,
        diff=options.diff or settings.diff,
        verbosity=options.verbosity,
        forks=options.forks or settings.forks or 0,
        config_file=settings.config_file,
        extra_variables=extra_variables(options.extra_vars, vault),
        become=options.become or settings.become,
        become_user=options.become_user or settings.become_user or "root",
        force_handlers=options.force_handlers or settings.force_handlers,
        gathering=(settings.gathering or "implicit").lower(),
        resume=False,
        whole_results=True,
        foresight=False,
        role_checks=True,
    )


def _carry_out(
    plan: Plan, passwords: Passwords, options: Options, settings: Settings, vault: Vault, asks: TaskAsker | None
) -> int:
    color = settings.force_color or (sys.stdout.isatty() and not settings.no_color)
    diff = options.diff or settings.diff
    look = Look(options.verbosity, color, diff, settings.show_skipped, settings.show_custom_stats)
    services = Services(_undecryptable, decrypt=decrypter(vault))
    report = AnsibleReport(sys.stdout, look, partial(_address, plan, services))
    if options.start_at_task:
        try:
            plan = starting_at(plan, options.start_at_task)
        except InvalidInput:
            return _begin_nowhere(plan, report, options.start_at_task)
    events = Events([report], plan.steps)
    for secret in filter(None, (passwords.login, passwords.become)):
        events.mask.add(secret)
    vault.listen(events.mask.add)
    run, keep = f"clusterbook-playbook {secrets.token_hex(8)}", new_key(loses_hosts(plan))
    files.allow(len({name for play in plan.plays for name in play.hosts}))
    agents = Agents(_connector(options, settings, passwords), run, services, lock_hosts=False, keep=keep)
    try:
        forks = options.forks or settings.forks or 0
        outcome = Runner(plan, agents, services, events, forks, asker=asks).run()
        events.summary()
    finally:
        report.close()
        agents.close()
    return _status(outcome)


def _begin_nowhere(plan: Plan, report: AnsibleReport, task: str) -> int:
    """As in Ansible every play begins and does nothing, and that is no failure."""
    for play in plan.plays:
        for number in range(len(play.batches) or 1):
            report.event({"type": "batch" if number else "play", "name": play.name, "hosts": play.hosts})
    report.event({"type": "summary", "hosts": {}})
    note = "Note: --start-at-task can only follow static includes."
    sys.stderr.write(f'[ERROR]: No matching task "{task}" found. {note}\n')
    return 0


def _address(plan: Plan, services: Services, name: str) -> str:
    host = plan.hosts.get(name)
    return name if host is None else str(evaluated(host, services).variables.get("ansible_host", name))


def _undecryptable(name: str) -> str:
    """A secret here is a single value that no vault password opened: whoever uses it fails."""
    raise Refusal(name)


def _status(outcome: Outcome) -> int:
    return _STATUS.get(outcome.exit_code(False), 0)


def _inventory(
    playbook: Path, options: Options, settings: Settings, passwords: Passwords, vault: Vault
) -> SourcedInventory:
    written = list(options.inventory) or _configured(settings)
    sources: list[Path | str] = []
    for source in written:
        if Path(source).exists():  # also a path with a comma
            sources.append(Path(source))
        elif "," in source:
            sources.append(source)
        else:
            sys.stderr.write(f"[WARNING]: Unable to parse {source} as an inventory source\n")
    return load_inventory(sources, playbook, _lowest(options, settings, passwords), vault)


def _configured(settings: Settings) -> list[str]:
    if settings.inventory:
        return [settings.inventory] if settings.inventory.endswith(",") else settings.inventory.split(",")
    return [SYSTEM_INVENTORY] if Path(SYSTEM_INVENTORY).exists() else []


def _lowest(options: Options, settings: Settings, passwords: Passwords) -> dict[str, Any]:
    """What options and settings say of connections: every variable of the inventory beats them."""
    found: dict[str, Any] = {}
    arguments = " ".join(filter(None, (
        settings.ssh_args, options.ssh_common_args or settings.ssh_common_args, options.ssh_extra_args
    )))  # fmt: skip
    if arguments:
        found["ansible_ssh_common_args"] = arguments
    method = options.become_method or settings.become_method
    if method:
        found["ansible_become_method"] = method
    if passwords.become:
        found["ansible_become_password"] = passwords.become
    return found


def _connector(options: Options, settings: Settings, passwords: Passwords) -> Connector:
    connection = options.connection or settings.connection or "ssh"
    key = options.private_key or settings.private_key_file
    return Connector(
        ConnectionOptions(
            connection=connection,
            user=options.user or settings.user,
            port=settings.port,
            private_key_file=key,
            password=passwords.login,
            accept_new=not settings.host_key_checking,
            interpreter=settings.interpreter,
            connect_timeout=float(options.timeout or settings.timeout or 10),
        )
    )


def _ask(options: Options, settings: Settings) -> Passwords:
    login = become = None
    if options.connection_password_file:
        login = read_text(Path(options.connection_password_file)).strip()
    elif options.ask_pass:
        login = getpass.getpass("SSH password: ")
    if options.become_password_file:
        become = read_text(Path(options.become_password_file)).strip()
    elif options.ask_become_pass or settings.become_ask_pass:
        shown = "BECOME password[defaults to SSH password]: " if login else "BECOME password: "
        become = getpass.getpass(shown) or login
    return Passwords(login, become)


def _matcher(inventory: SourcedInventory, limit: str) -> Callable[[str], Sequence[str]]:
    """As Ansible: a name that is not there chooses no host, which is told; a --limit that leaves none is an error."""
    told: set[str] = set()

    def unknown(name: str) -> None:
        if name not in told:
            sys.stderr.write(f"[WARNING]: Could not match supplied host pattern, ignoring: {name}\n")
        told.add(name)

    match = matcher(inventory, limit or None, unknown)
    if limit and not match("all") and not match("localhost"):
        raise InvalidInput(
            "Specified inventory, host pattern and/or --limit leaves us with no hosts to target.",
            next_step="Correct --limit or the inventory.",
        )
    return match
