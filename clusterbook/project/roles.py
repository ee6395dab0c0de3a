"""Roles: where they are looked up, and a role's directory read whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from clusterbook.errors import InvalidInput
from clusterbook.model import Node, Role, RoleUse, Value
from clusterbook.project.files import find_yaml, read_yaml
from clusterbook.project.keywords import role_keywords, uniform
from clusterbook.project.tasks import read_tasks
from clusterbook.schema.files import project_files
from clusterbook.source import Vault, chosen, position_of


def role_directories(playbook: Path, root: Path, more: Iterable[Path] = ()) -> tuple[Path, ...]:
    """Where roles are looked up: beside the playbook, in the project, in more folders, in what the package brings."""
    found = (playbook.parent / "roles", root / "roles", *more, project_files() / "roles")
    return tuple(dict.fromkeys(path.resolve() for path in found))


def find_role(name: str, directories: tuple[Path, ...], playbook: Path) -> Path | None:
    """The directory of a role; a name with a slash is a path, relative to the playbook."""
    if "/" in name:
        path = (playbook.parent / name).resolve()
        return path if path.is_dir() else None
    for directory in directories:
        if (directory / name).is_dir() and name not in ("", ".", ".."):
            return directory / name
    return None


def role_names(directories: tuple[Path, ...]) -> list[str]:
    """Every role that could be meant."""
    return sorted({path.name for directory in directories if directory.is_dir() for path in directory.iterdir()})


def role_uses(written: Any) -> tuple[RoleUse, ...]:
    """The roles of a play's `roles:` or of a role's `dependencies:`."""
    return tuple(_uses(written)) if isinstance(written, list) else ()


def _uses(written: list[Any]) -> Iterator[RoleUse]:
    for number, item in enumerate(written):
        where = position_of(written, number)
        if isinstance(item, str):
            yield RoleUse(item, {}, {}, where)
        elif isinstance(item, Mapping):
            name = item.get("role", item.get("name"))
            if isinstance(name, str):
                known = role_keywords()
                parameters = chosen(item, [key for key in item if key not in known])
                yield RoleUse(name, parameters, uniform(item, {"role", "name", *parameters}), where)


def read_role(
    name: str, path: Path, problems: list[InvalidInput], tolerant: bool = False, vault: Vault | None = None
) -> Role:
    """Everything in a role's directory. Problems are added to the list. tolerant: see TaskReader."""
    meta = _part(path, "meta", "role-meta.schema.json", problems, vault)
    specs = _argument_specs(path, meta, problems)
    return Role(
        name=name,
        path=str(path),
        defaults=_part(path, "defaults", "role-variables.schema.json", problems, vault),
        variables=_part(path, "vars", "role-variables.schema.json", problems, vault),
        task_files=_task_files(path, problems, tolerant, vault),
        handlers=_handlers(path, problems, tolerant, vault),
        dependencies=role_uses(meta.get("dependencies")),
        argument_specs=specs,
        allow_duplicates=meta.get("allow_duplicates") in (True, "yes", "true"),
    )


def _part(
    path: Path, directory: str, schema: str, problems: list[InvalidInput], vault: Vault | None
) -> Mapping[str, Value]:
    """DIRECTORY/main.yml, or the files of DIRECTORY/main/ put together."""
    stem = path / directory / "main"
    if stem.is_dir():
        files = [item for item in sorted(stem.rglob("*")) if item.suffix in (".yml", ".yaml", ".json")]
        values = [read_yaml(file, schema, problems, vault) or {} for file in files]
        return {key: item for value in values for key, item in value.items()}
    file = find_yaml(stem)
    value = read_yaml(file, schema, problems, vault) if file else None
    return value if isinstance(value, Mapping) else {}


def _argument_specs(path: Path, meta: Mapping[str, Any], problems: list[InvalidInput]) -> Mapping[str, Value]:
    file = find_yaml(path / "meta" / "argument_specs")
    if file is None:
        specs = meta.get("argument_specs")
    else:
        value = read_yaml(file, "role-argument-specs.schema.json", problems)
        specs = value.get("argument_specs") if isinstance(value, Mapping) else None
    return specs if isinstance(specs, Mapping) else {}


def _task_files(
    path: Path, problems: list[InvalidInput], tolerant: bool, vault: Vault | None
) -> dict[str, tuple[Node, ...]]:
    """Every file in tasks/, so that includes find their files without reading again.

    tolerant: a file that cannot be read is left out, and refused when something names it.
    """
    found: dict[str, tuple[Node, ...]] = {}
    directory = path / "tasks"
    for file in sorted(directory.rglob("*")) if directory.is_dir() else ():
        if file.is_file() and (file.suffix in (".yml", ".yaml", ".json") or file.name == "main"):
            own: list[InvalidInput] = []
            nodes = read_tasks(file, own, tolerant, vault)
            if own and tolerant and file.stem != "main":
                continue
            found[str(file.relative_to(path))] = nodes
            problems.extend(own)
    return found


def _handlers(path: Path, problems: list[InvalidInput], tolerant: bool, vault: Vault | None) -> tuple[Node, ...]:
    file = find_yaml(path / "handlers" / "main")
    return () if file is None else read_tasks(file, problems, tolerant, vault, handlers=True)
