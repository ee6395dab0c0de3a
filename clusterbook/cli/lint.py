"""Tasks that help to write playbooks: what is questionable in them, and what modules take."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from invoke.context import Context

from clusterbook import __version__
from clusterbook.cli import places
from clusterbook.cli.boundary import command, near
from clusterbook.cli.extra_variables import extra_variables
from clusterbook.cli.module_help import names_page, page
from clusterbook.cli.screen import plural, print_json, say
from clusterbook.errors import InvalidInput
from clusterbook.inventory.aws_ec2.hosts import INSTANCE
from clusterbook.lint import RULES, Files, Finding
from clusterbook.lint import lint as find
from clusterbook.lint.sarif import sarif as sarif_document
from clusterbook.modules import registry
from clusterbook.schema import suggestion
from clusterbook.schema.returned import RETURNED
from clusterbook.source import excerpt

_INVENTORY_FOLDERS = ("inventory", "inventories", "group_vars", "host_vars")
_NO_INVENTORY = (".py", ".sh", ".md", ".pyc", ".j2")


@command(
    word="path",
    iterable=["skip", "extra_vars"],
    help={
        "path": "a playbook, a role's folder or a folder of a project (default: the project that you are in)",
        "skip": "a rule to leave out (may be repeated)",
        "extra_vars": "variables that the run will be given: NAME=VALUE, YAML, or @FILE",
        "sarif": "write the findings into this file as SARIF, for code hosts",
        "rules": "list the rules",
        "json": "show the findings as JSON",
    },
)
def lint(
    _: Context, path: str | None = None, skip: Sequence[str] | None = None, extra_vars: Sequence[str] | None = None,
    sarif: str = "", rules: bool = False, json_: bool = False,
) -> int:  # fmt: skip
    """Find what is questionable in playbooks and roles, without any host.

    Exit status 1 when something was found. A line that ends with `# noqa: RULE` is accepted.

    Example: invoke lint
    Example: invoke lint playbooks/site.yml --skip latest-package
    """
    if rules:
        return _show_rules(json_)
    _check_names(skip or ())
    chosen, root = _chosen(path)
    known = {*extra_variables(extra_vars or ()), *_cluster_names(), INSTANCE}
    found = [finding for finding in find(chosen, _project(root), known) if finding.rule not in (skip or ())]
    if sarif:
        places.write(Path(sarif), json.dumps(sarif_document(found, root, __version__), indent=2) + "\n")
    if json_:
        print_json([_described(finding) for finding in found])
    else:
        _show(found, chosen)
    return 1 if found else 0


@command(word="name", help={"name": "name of a module", "json": "show the result as JSON"})
def modules(_: Context, name: str | None = None, json_: bool = False) -> None:
    """List the modules, or show what one takes and returns.

    Example: invoke modules
    Example: invoke modules copy
    """
    if name is None:
        found = {known: registry.specification(known).description for known in registry.names()}
        print_json(found) if json_ else say(names_page(found))
        return
    canonical = registry.canonical(name)
    if canonical is None:
        instead = registry.alternative(name)
        short = [known.rpartition(".")[2] for known in registry.names()]
        raise InvalidInput(
            f"there is no module {name!r}{suggestion(name, short)}",
            next_step=f"{instead[:1].upper()}{instead[1:]}." if instead else "List them with: invoke modules",
        )
    table = registry.specification(canonical)
    returned = {name: asdict(value) for name, value in RETURNED[canonical].items()}
    print_json({**asdict(table), "returned": returned}) if json_ else print(page(table))


def _chosen(path: str | None) -> tuple[Files, Path]:
    """What to look at, and the project's folder."""
    where = Path(path or ".").resolve()
    if path and where.is_file():
        return Files((where,)), places.own(where.parent)
    if path and not where.exists():
        return Files((places.playbook(path),)), places.own()
    if path and (where / "tasks").is_dir():
        return Files(roles=(where,)), places.own(where)
    root = where if path else places.own()
    project = _project(root)
    if not project.playbooks and not project.roles:
        raise InvalidInput(
            f"there are no playbooks and no roles in {root}", next_step="Name a playbook, or go to a project's folder."
        )
    return project, root


def _project(root: Path) -> Files:
    """Every playbook, role and file of variables in a project's folder."""
    playbooks = sorted(root.glob("playbooks/*.y*ml")) or [file for file in sorted(root.glob("*.y*ml")) if _plays(file)]
    roles = sorted(folder for folder in root.glob("roles/*") if folder.is_dir())
    return Files(tuple(playbooks), tuple(roles), tuple(_inventories(root)))


def _plays(file: Path) -> bool:
    return any(line.startswith(("- hosts:", "  hosts:")) for line in file.read_text("utf-8", "replace").splitlines())


def _inventories(root: Path) -> list[Path]:
    folders = [root / name for name in _INVENTORY_FOLDERS]
    folders += [root / "playbooks" / name for name in ("group_vars", "host_vars")]
    return [
        file
        for folder in folders
        for file in (sorted(folder.rglob("*")) if folder.is_dir() else ())
        if file.is_file() and file.suffix not in _NO_INVENTORY
    ]


def _cluster_names() -> Iterable[str]:
    """What a cluster's store sets for its hosts."""
    from clusterbook.cluster.variables import names

    return names()


def _check_names(skip: Sequence[str]) -> None:
    for rule in skip:
        if rule not in RULES:
            raise InvalidInput(f"there is no rule {rule!r}{suggestion(rule, RULES)}",
                               next_step="List them with: invoke lint --rules")  # fmt: skip


def _show_rules(as_json: bool) -> int:
    if as_json:
        print_json({name: asdict(rule) for name, rule in RULES.items()})
        return 0
    width = max(map(len, RULES))
    for name, rule in RULES.items():
        print(f"{name:<{width}}  {rule.severity:<7}  {rule.about}")
    return 0


def _show(found: Sequence[Finding], chosen: Files) -> None:
    for finding in found:
        print(f"{near(finding.where)}: {finding.severity}: {finding.message}  [{finding.rule}]")
        shown = excerpt(finding.where)
        if shown:
            print(shown)
        say(f"  next: {finding.next_step}\n")
    counted = ((len(chosen.playbooks), "playbook"), (len(chosen.roles), "role"))
    what = ", ".join(plural(*pair) for pair in counted if pair[0])
    counts = Counter(finding.rule for finding in found)
    listed = ", ".join(f"{number} {rule}" for rule, number in counts.most_common())
    print(f"{what}: {plural(len(found), 'finding')} ({listed})" if found else f"{what}: nothing found")


def _described(finding: Finding) -> dict[str, object]:
    where = near(finding.where)
    return {
        "rule": finding.rule, "severity": finding.severity, "message": finding.message, "file": where.file,
        "line": where.line, "column": where.column, "next_step": finding.next_step,
    }  # fmt: skip
