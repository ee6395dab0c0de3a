"""The lookup `password`: made by chance the first time, kept in a file of the local machine."""

from __future__ import annotations

import contextlib
import os
import random
import string
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clusterbook.language.filters.errors import FilterError
from clusterbook.language.filters.passwords import KINDS, crypt
from clusterbook.language.lookups import LookupFailed
from clusterbook.lookups.computing import password_hash
from clusterbook.lookups.files import Options
from clusterbook.lookups.surroundings import Secretive, Surroundings
from clusterbook.lookups.tables import key_and_options

_KNOWN = frozenset({"length", "encrypt", "chars", "ident", "seed"})
_CHARS = ("ascii_letters", "digits", ".,:-_")
_LENGTH = 20
_SALT_LENGTHS = {"bcrypt": 22, "blowfish": 22, "md5_crypt": 8, "md5": 8}


def password(surroundings: Surroundings, terms: Sequence[Any], options: Options) -> list[Any]:
    """The password in the file that a term names; /dev/null keeps nothing."""
    return Secretive(_password(surroundings, term, options) for term in terms)


def _password(surroundings: Surroundings, term: Any, options: Options) -> str:
    name, chosen = key_and_options(term, options, _KNOWN)
    path = _path(surroundings, name)
    kind = str(chosen.get("encrypt") or "")
    kept = _read(path)
    if kept is None:
        kept = _made(chosen, kind)
        if str(path) != os.devnull and not surroundings.check:
            kept = _keep(path, kept)
    plain, salt = _parts(kept)
    if not kind:
        return plain
    if not salt:
        salt = _salt(kind)
        if str(path) != os.devnull and not surroundings.check:
            _replace(path, f"{plain} salt={salt}")
    try:
        return crypt(plain, kind, salt, None) if kind in KINDS else password_hash(plain, kind, salt)
    except FilterError as error:
        raise LookupFailed(f"lookup 'password': {error}") from error


def _path(surroundings: Surroundings, name: str) -> Path:
    path = Path(name).expanduser()
    if path.is_absolute():
        return path
    return (Path(surroundings.bases[-1]) if surroundings.bases else Path.cwd()) / path


def _made(options: Options, kind: str) -> str:
    try:
        length = int(options.get("length", _LENGTH))
    except (TypeError, ValueError) as error:
        raise LookupFailed(f"length of a password is {options.get('length')!r}, expected a whole number") from error
    chars, seed = _characters(options.get("chars")), options.get("seed")
    source = random.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311 - the same for the same seed
    made = "".join(source.choice(chars) for _ in range(length))
    return f"{made} salt={_salt(kind)}" if kind else made


def _characters(value: Any) -> str:
    """Names of sets (digits, ascii_letters …) and characters; quotes are never among them."""
    if not value:
        parts: Sequence[Any] = _CHARS
    elif isinstance(value, (list, tuple)):
        parts = value
    else:
        text = str(value)
        parts = [*([","] if ",," in text else []), *(part for part in text.replace(",,", ",").split(",") if part)]
    joined = "".join(str(getattr(string, str(part), part)) for part in parts)
    return joined.replace('"', "").replace("'", "")


def _salt(kind: str) -> str:
    return "".join(random.SystemRandom().choice(string.ascii_letters + string.digits)
                   for _ in range(_SALT_LENGTHS.get(kind, 16)))  # fmt: skip


def _read(path: Path) -> str | None:
    if str(path) == os.devnull:
        return None
    try:
        return path.read_text("utf-8").rstrip("\n")
    except FileNotFoundError:
        return None


def _parts(kept: str) -> tuple[str, str]:
    plain, found, rest = kept.rpartition(" salt=")
    return (plain, rest.split(" ")[0]) if found else (kept, "")


def _keep(path: Path, kept: str) -> str:
    """Write it unless another host's question was faster; what the file holds then."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = _written(path, kept)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return _read(path) or kept
    finally:
        temporary.unlink()
    return kept


def _replace(path: Path, kept: str) -> None:
    _written(path, kept).replace(path)


def _written(path: Path, kept: str) -> Path:
    descriptor, name = tempfile.mkstemp(prefix=".password.", dir=path.parent)
    with contextlib.ExitStack() as stack:
        stack.enter_context(os.fdopen(descriptor, "w", encoding="utf-8")).write(f"{kept}\n")
    return Path(name)
