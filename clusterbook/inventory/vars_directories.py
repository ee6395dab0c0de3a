"""group_vars/ and host_vars/ beside the inventory and beside the playbook."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from clusterbook.errors import InvalidInput, InvalidProject, Position
from clusterbook.schema import problems
from clusterbook.source import SourceMapping, Vault, is_encrypted, load
from clusterbook.source.load import concealed

_ENDINGS = ("", ".yml", ".yaml", ".json")


class VariableFiles:
    """Reads each file once, and remembers every problem."""

    def __init__(self, vault: Vault | None = None) -> None:
        """vault: opens what is encrypted."""
        self._vault = vault
        self._read: dict[Path, SourceMapping | None] = {}
        self.problems: list[InvalidInput] = []

    def find(self, directory: Path, kind: str, name: str) -> Iterator[SourceMapping]:
        """The variables of a group or host. kind: group_vars or host_vars. The first of NAME, NAME.yml … counts."""
        for ending in _ENDINGS:
            path = directory / kind / f"{name}{ending}"
            if path.is_dir() and not ending:
                yield from self._directory(path)
                return
            if path.is_file():
                yield from self._file(path)
                return

    def _directory(self, path: Path) -> Iterator[SourceMapping]:
        for file in sorted(path.rglob("*")):
            hidden = file.name.startswith(".") or file.name.endswith("~")
            if file.is_file() and file.suffix in _ENDINGS and not hidden:
                yield from self._file(file)

    def _file(self, path: Path) -> Iterator[SourceMapping]:
        path = path.resolve()
        if path not in self._read:
            self._read[path] = self._load(path)
        values = self._read[path]
        if values:
            yield values

    def _load(self, path: Path) -> SourceMapping | None:
        try:
            value = load(path, self._vault)
        except InvalidProject as error:
            self.problems.extend(error.problems)
            return None
        except InvalidInput as problem:
            self.problems.append(problem)
            return None
        found = problems(value, "role-variables.schema.json", where=Position(str(path), 1, 1))
        with path.open("rb") as file:
            hidden = is_encrypted(file.read(20)) if found else False
        self.problems.extend(concealed(problem, str(path)) if hidden else problem for problem in found)
        return value if isinstance(value, SourceMapping) and not found else None
