"""The agent's code as one payload: our host side, Jinja2 and MarkupSafe, as source. Same input, same bytes."""

from __future__ import annotations

import hashlib
import json
import marshal
import zlib
from functools import cache, cached_property
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from threading import Lock

import jinja2
import markupsafe

import clusterbook
from clusterbook.records import dataclass

_OURS = ("agent", "language", "modules")
_READING, _COMPILING = Lock(), Lock()
# Of the form that this Python compiles to.
MAGIC = MAGIC_NUMBER.hex()


@dataclass(frozen=True)
class Bundle:
    """The code as JSON; digest: SHA-256 of it, in hexadecimal."""

    code: bytes
    digest: str

    def compiled(self) -> bytes:
        """What a host whose Python has the same magic number as this one is sent; made once a run."""
        with _COMPILING:
            return self._compiled

    @cached_property
    def _compiled(self) -> bytes:
        modules = {
            name: (package, marshal.dumps(compile(text, f"<clusterbook>/{name}", "exec", dont_inherit=True)))
            for name, (package, text) in json.loads(self.code).items()
        }
        return b"C" + zlib.compress(marshal.dumps(modules), 1)

    @cached_property
    def payload(self) -> bytes:
        """What a host without the code is sent. Most hosts have it, and compressing takes 80 ms."""
        return zlib.compress(self.code, 9)


def agent_bundle() -> Bundle:
    """Read the code once a run, whoever of several threads comes first."""
    with _READING:
        return _read()


@cache
def _read() -> Bundle:
    root = Path(clusterbook.__file__).parent
    modules: dict[str, tuple[bool, str]] = {"clusterbook": (True, "")}
    for name in ("errors", "records"):
        modules[f"clusterbook.{name}"] = (False, (root / f"{name}.py").read_text(encoding="utf-8"))
    for name in _OURS:
        modules.update(_package(root / name, f"clusterbook.{name}"))
    modules.update(_package(Path(jinja2.__file__).parent, "jinja2"))
    modules["jinja2"] = (True, "")  # its loaders and caches would be loaded in vain; nothing imports from it
    modules.update(_package(Path(markupsafe.__file__).parent, "markupsafe"))
    text = json.dumps(modules, sort_keys=True, separators=(",", ":")).encode()
    return Bundle(text, hashlib.sha256(text).hexdigest())


def _package(directory: Path, prefix: str) -> dict[str, tuple[bool, str]]:
    found: dict[str, tuple[bool, str]] = {}
    for path in sorted(directory.rglob("*.py")):
        parts = path.relative_to(directory).with_suffix("").parts
        package = parts[-1] == "__init__"
        name = ".".join((prefix, *(parts[:-1] if package else parts)))
        found[name] = (package, path.read_text(encoding="utf-8"))
    return found
