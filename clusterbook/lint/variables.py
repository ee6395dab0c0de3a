"""Variables that nobody sets, and variables and results that nobody reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from clusterbook import source
from clusterbook.compile.reach import words
from clusterbook.errors import InvalidInput, Position
from clusterbook.language.program import EVERY_NAME
from clusterbook.language.values import Template
from clusterbook.lint.expressions import Reading, read
from clusterbook.lint.findings import Finding
from clusterbook.lint.material import Material, Step, argument_conditions, conditions, templates
from clusterbook.schema import nearest, suggestion
from clusterbook.source import SourceMapping, place_of, position_of

MAGIC = frozenset({
    "hostvars", "groups", "group_names", "inventory_hostname", "inventory_hostname_short", "inventory_dir",
    "inventory_file", "playbook_dir", "play_hosts", "role_path", "role_name", "role_names", "omit", "item", "vars",
    "environment", "template_host", "template_path", "template_uid", "template_fullpath", "template_run_date",
    "template_destpath", "template_mtime", "clusterbook_version", "now",
})  # fmt: skip


def check(material: Material) -> Iterator[Finding]:
    """All findings about variables."""
    texts = [Reader(template, read(template.text)) for template in _texts(material)]
    yield from _mistakes(texts)
    if not material.guessed:
        yield from _undefined(material, texts)
    used = {word for text in texts for word in words(text.template.text)}
    if EVERY_NAME not in used:
        yield from _unused_variables(material, used)
        yield from _unused_registers(material, used)


@dataclass(frozen=True)
class Reader:
    """A text that is evaluated, and what it reads."""

    template: Template
    reading: Reading


def _texts(material: Material) -> Iterator[Template]:
    for step in material.steps:
        yield from templates(step.written)
        yield from conditions(step.written)
        yield from argument_conditions(step)
    for block in _distinct(part for step in material.steps for part in step.around):
        plain = {key: value for key, value in block.items() if key not in ("block", "rescue", "always")}
        yield from templates(plain)
        yield from conditions(block)
    for use in _role_uses(material):
        yield from templates(use)
        yield from conditions(use)
    for role in material.roles:
        yield from templates(role.defaults)
        yield from templates(role.variables)
    for file in material.files:
        try:
            yield Template(source.read_text(file), str(file), 1, 1)
        except InvalidInput:  # a picture among templates
            continue


def _role_uses(material: Material) -> Iterator[Mapping[Any, Any]]:
    for play in material.plays:
        uses = play.get("roles")
        yield from (use for use in (uses if isinstance(uses, list) else ()) if isinstance(use, Mapping))
    for role in material.roles:
        for use in role.dependencies:
            yield {**use.parameters, **use.keywords}


def _distinct(parts: Iterable[Mapping[Any, Any]]) -> Iterator[Mapping[Any, Any]]:
    yield from {id(part): part for part in parts}.values()


def _mistakes(texts: Iterable[Reader]) -> Iterator[Finding]:
    for text in texts:
        if text.reading.mistake:
            where = place_of(text.template, "{{", text.reading.mistake_line)
            yield Finding("invalid-expression", f"expression cannot be read: {text.reading.mistake}", where,
                          "Correct it; docs/expressions.md lists filters and tests.")  # fmt: skip


def _undefined(material: Material, texts: Iterable[Reader]) -> Iterator[Finding]:
    everything = list(texts)
    guarded = {name for text in everything for name in text.reading.guarded}
    known = material.known | set(_set_names(material)) | MAGIC
    reported = set()
    for text in everything:
        for name, line in text.reading.names.items():
            if name in known or name in guarded or name.startswith("ansible_"):
                continue
            where = place_of(text.template, name, line)
            if (name, where) in reported:
                continue
            reported.add((name, where))
            meant = nearest(name, known)
            step = f"Write {meant!r} instead" if meant else "Set it in a role's defaults, a play or the inventory"
            yield Finding("undefined-variable", f"nothing sets the variable {name!r}{suggestion(name, known)}", where,
                          f"{step}, or give it a default.")  # fmt: skip


def _set_names(material: Material) -> Iterator[str]:
    """Names that plays, roles and tasks set."""
    for role in material.roles:
        yield from map(str, (*role.defaults, *role.variables))
        for entry in role.argument_specs.values():
            yield from map(str, (entry or {}).get("options") or ())
    for use in _role_uses(material):
        yield from map(str, use)
        yield from map(str, use.get("vars") or ())
    for play in material.plays:
        yield from map(str, play.get("vars") or ())
        for prompt in play.get("vars_prompt") or ():
            yield str(prompt.get("name"))
    for step in material.steps:
        yield from _names_of(step)


def _names_of(step: Step) -> Iterator[str]:
    for part in (step.written, *step.around):
        yield from map(str, part.get("vars") or ())
    yield str(step.written.get("register") or "")
    control = step.written.get("loop_control")
    if isinstance(control, Mapping):
        yield from (str(control[name]) for name in ("loop_var", "index_var") if name in control)
    if step.module in ("set_fact", "add_host"):
        yield from map(str, step.arguments)
    if step.module == "set_stats":
        yield from map(str, step.arguments.get("data") or ())
    if step.module == "include_vars":
        yield str(step.arguments.get("name") or "")


def _unused_variables(material: Material, used: set[str]) -> Iterator[Finding]:
    for kind, values in _definitions(material):
        for name in values:
            if isinstance(name, str) and name not in used and not name.startswith("ansible_"):
                yield Finding("unused-variable", f"nothing reads the variable {name!r} of {kind}", _key(values, name),
                              "Remove it, or use it.")  # fmt: skip


def _definitions(material: Material) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    for role in material.roles:
        yield f"the role {role.name}", role.defaults
        yield f"the role {role.name}", role.variables
    for play in material.plays:
        if isinstance(play.get("vars"), Mapping):
            yield "a play", play["vars"]


def _key(values: Mapping[Any, Any], name: str) -> Position:
    return position_of(values, name) if isinstance(values, SourceMapping) else Position("")


def _unused_registers(material: Material, used: set[str]) -> Iterator[Finding]:
    for step in material.steps:
        name = step.written.get("register")
        if isinstance(name, str) and name not in used:
            yield Finding("unused-register", f"nothing reads the result {name!r}", step.at("register"),
                          "Remove 'register', or use the result.")  # fmt: skip
