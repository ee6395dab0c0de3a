"""The agent's code as one payload: our host side, Jinja2 and MarkupSafe, as source. Same input, same bytes.

What is compiled of it is kept where Python keeps what it compiles (`__pycache__`), and made again when the source, the
form or this Python is another one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import marshal
import os
import sys
import zlib
from functools import cache, cached_property
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path
from threading import Lock
from types import CodeType

import jinja2
import markupsafe

import clusterbook
from clusterbook.records import dataclass

_OURS = ("agent", "language", "modules")
_READING, _COMPILING = Lock(), Lock()
# Of the form that this Python compiles to.
MAGIC = MAGIC_NUMBER.hex()
# Of what hosts keep, see stub.py: part of the digest, so that no host reads another form.
FORM = 2


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
        kept = _kept(self.digest)
        with contextlib.suppress(OSError):
            return kept.read_bytes()
        modules = {
            name: (package, zlib.compress(marshal.dumps(compiled_module(name, text)), 6))
            for name, (package, text) in json.loads(self.code).items()
        }
        data = b"C" + marshal.dumps(modules)
        if not sys.dont_write_bytecode:
            with contextlib.suppress(OSError):
                _keep(kept, data)
        return data

    @cached_property
    def payload(self) -> bytes:
        """What a host without the code is sent. Most hosts have it, and compressing takes 80 ms."""
        return zlib.compress(self.code, 9)


def compiled_module(name: str, text: str) -> CodeType:
    """The code of one module, as the stub compiles it on a host."""
    return compile(text, f"<clusterbook>/{name}", "exec", dont_inherit=True)


def _kept(digest: str) -> Path:
    return Path(cache_from_source(str(Path(__file__).with_name(f"agent-{digest[:32]}.py")))).with_suffix(".code")


def _keep(path: Path, data: bytes) -> None:
    """Whole or not at all; what older code was compiled to goes. Raises OSError where this user may not write."""
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    for other in path.parent.glob(f"agent-*.{sys.implementation.cache_tag}.code"):
        if other != path:
            other.unlink(missing_ok=True)


def agent_bundle() -> Bundle:
    """Read the code once a run, whoever of several threads comes first."""
    with _READING:
        return _read()


@cache
def _read() -> Bundle:
    root = Path(clusterbook.__file__).parent
    modules: dict[str, tuple[bool, str]] = {"clusterbook": (True, f"FORM = {FORM}\n")}
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
