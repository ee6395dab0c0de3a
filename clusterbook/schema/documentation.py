"""The reference of every module, made from the same tables that arguments and results are checked with."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import Any

from clusterbook.modules import registry
from clusterbook.modules.contract import Parameter, Specification
from clusterbook.schema.returned import COMMON, LACKING, OF_PROGRAMS, RETURNED, Values

KINDS = {
    "state": "Describes a state: observed, changed only where it differs, observed again.",
    "query": "Only reads.",
    "action": "Acts each time it runs, unless its own guards say otherwise.",
    "flow": "Steers the run itself.",
}
HEAD = """# Modules

Every module that a task may name, with its parameters and what it returns, which `register` keeps. Names and meanings
are Ansible's. A module of `ansible.builtin`, `ansible.posix` or `community.general` may be written with or without that
prefix; `certificate` is our own. This page is made from the tables that arguments are checked with and results are
tested with; the examples are one playbook, `docs/examples/modules.yml`.
"""


def page(playbook: str) -> str:
    """The whole page as Markdown. playbook: the text of the one with the examples."""
    known = examples(playbook)
    tables = [registry.specification(name) for name in registry.names()]
    body = (line for table in tables for line in section(table, known.get(table.name, "")))
    return "\n".join([HEAD, *results(), *body, *refused()])


def results() -> Iterator[str]:
    """What every result has."""
    yield "## Results\n"
    yield "What a task registers has these values beside those that its module lists. Where a program that a module ran"
    yield f"has failed, {', '.join(f'`{name}`' for name in OF_PROGRAMS)} tell of it. `async` adds those of"
    yield "[async_status](#ansiblebuiltinasync_status).\n"
    yield from value_table(COMMON)


def value_table(values: Values) -> Iterator[str]:
    """Values that are returned."""
    yield "| value | type | when | |"
    yield "|---|---|---|---|"
    for name, one in values.items():
        yield f"| `{name}` | {one.type} | {one.when} | {one.description} |".replace("\n", " ")
    yield ""


def refused() -> Iterator[str]:
    """Modules of Ansible that are not here, and what to do instead."""
    yield "## Not supported\n"
    yield "All other modules of `ansible.builtin` are above, with all of their parameters. Groups in `module_defaults`"
    yield "(`group/NAME`) are an error: they belong to collections that are not here.\n"
    yield "| module | instead |"
    yield "|---|---|"
    yield from (f"| `{name}` | {instead} |" for name, instead in sorted(registry.REFUSED.items()))
    yield ""


def examples(playbook: str) -> dict[str, str]:
    """Module -> its task, as it is written in the playbook; the last one that has the module."""
    found: dict[str, str] = {}
    for task in re.split(r"^(?= *- name: )", playbook, flags=re.MULTILINE):
        lines = textwrap.dedent(task).rstrip()
        module = re.search(r"^  ([a-z_0-9.]+):(?! all$)", lines.partition("\n")[2], re.MULTILINE)
        if module and module[1] in registry.names():
            found[module[1]] = lines
    return found


def section(table: Specification, example: str) -> Iterator[str]:
    """One module."""
    yield f"## {table.name}\n"
    yield f"{table.description} {KINDS[table.kind]}\n"
    if table.parameters:
        yield "| parameter | type | default | |"
        yield "|---|---|---|---|"
        yield from (row(name, item) for name, item in sorted(table.parameters.items()) if not name.startswith("_"))
        yield ""
    yield from rules(table)
    if RETURNED[table.name]:
        yield "Returns:\n"
        yield from value_table(RETURNED[table.name])
    elif table.kind != "flow":
        yield "Returns nothing of its own.\n"
    yield from lacking(table.name)
    if example:
        yield f"```yaml\n{example}\n```\n"


def row(name: str, item: Parameter) -> str:
    """One parameter."""
    kind = f"list of {item.elements}" if item.type == "list" and item.elements else item.type
    default = "**required**" if item.required else shown(item.default)
    words = [item.description]
    if item.choices:
        words.append("One of " + ", ".join(shown(choice) for choice in item.choices) + ".")
    if item.aliases:
        words.append("Also: " + ", ".join(f"`{alias}`" for alias in item.aliases) + ".")
    return f"| `{name}` | {kind} | {default} | {' '.join(words)} |".replace("\n", " ")


def shown(value: Any) -> str:
    """A value as YAML writes it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "`true`" if value else "`false`"
    if isinstance(value, list):
        return "`[" + ", ".join(map(str, value)) + "]`"
    return "`" + str(value).encode("unicode_escape").decode().replace("|", "\\|") + "`" if value != "" else ""


def rules(table: Specification) -> Iterator[str]:
    """What holds between parameters."""
    lines: list[str] = []
    if table.free_form:
        lines.append("Takes text after its name instead of parameters.")
    lines += ["Not together: " + listed(names) + "." for names in table.mutually_exclusive]
    lines += ["Only together: " + listed(names) + "." for names in table.required_together]
    lines += ["At least one of: " + listed(names) + "." for names in table.required_one_of]
    lines += [f"With `{name}: {value}`: {listed(names)} required." for name, value, names in table.required_if]
    if table.open:
        lines.append("Any further key is a variable.")
    if lines:
        yield " ".join(lines) + "\n"


def lacking(name: str) -> Iterator[str]:
    """What Ansible's module returns and this one does not."""
    found = LACKING.get(name, {})
    if found:
        listed_ones = "; ".join(f"`{key}` ({why})" for key, why in found.items())
        yield f"Not here, of what Ansible's returns: {listed_ones}.\n"


def listed(names: tuple[str, ...]) -> str:
    """Names of parameters."""
    return ", ".join(f"`{name}`" if not name.startswith("_") else "the text" for name in names)
