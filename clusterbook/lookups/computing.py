"""Filters that only compute, with libraries that hosts lack. Libraries that few playbooks need are imported at use."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from clusterbook.errors import ClusterbookError
from clusterbook.language.filters.errors import FilterError
from clusterbook.language.values import Template
from clusterbook.source import vault
from clusterbook.source.load import load_documents

# Of bcrypt; each doubles the time.
MOST_ROUNDS = 18


class _Dumper(yaml.SafeDumper):
    """Writes what expressions give; anything that is no YAML value as text."""

    def ignore_aliases(self, data: Any) -> bool:
        """Equal parts are written out: a reader of the file needs no anchors."""
        return True


_Dumper.add_multi_representer(tuple, _Dumper.represent_list)
_Dumper.add_multi_representer(Mapping, _Dumper.represent_dict)  # type: ignore[type-abstract]
_Dumper.add_multi_representer(object, lambda dumper, value: dumper.represent_str(str(value)))


def to_yaml(value: Any, *, default_flow_style: bool | None = None, **options: Any) -> str:
    """YAML; lists and mappings of plain values stand in brackets."""
    wanted = {name: option for name, option in options.items() if name not in ("vault_behavior", "dump_vault_tags")}
    wanted.setdefault("allow_unicode", True)
    try:
        written = yaml.dump(value, Dumper=_Dumper, default_flow_style=default_flow_style, **wanted)
    except TypeError as error:
        raise FilterError(f"to_yaml: {error}") from error
    return str(written)


def to_nice_yaml(value: Any, *, indent: int = 4, **options: Any) -> str:
    """YAML for people: one value a line."""
    options.setdefault("default_flow_style", False)
    return to_yaml(value, indent=indent, **options)


def to_yaml_redacted(value: Any, *, redact_sensitive_values: bool = False, **options: Any) -> str:
    """YAML. redact_sensitive_values: nothing here is sensitive, as secrets are known by name and masked."""
    written = to_yaml(value, **options)
    return written if options.get("explicit_end") else written.removesuffix("...\n")


def to_nice_yaml_redacted(value: Any, *, redact_sensitive_values: bool = False, indent: int = 2, **options: Any) -> str:
    """YAML for people, indented by two."""
    options.setdefault("default_flow_style", False)
    return to_yaml_redacted(value, indent=indent, **options)


def from_yaml(value: Any) -> Any:
    """The data of one YAML document."""
    documents = from_yaml_all(value)
    if not isinstance(value, str):
        return value
    if len(documents) > 1:
        raise FilterError("the text holds more than one YAML document; from_yaml_all reads them")
    return documents[0] if documents else None


def from_yaml_all(value: Any) -> list[Any]:
    """The data of every YAML document."""
    if value is None:
        return []
    if not isinstance(value, str):
        return [value]
    try:
        return [_plain(document) for document in load_documents(value, "(text)")]
    except ClusterbookError as error:
        where = f" in line {error.where.line}" if error.where and error.where.line else ""
        raise FilterError(f"this is not YAML: {error.message}{where}") from error


def _plain(value: Any) -> Any:
    """Without places, and with nothing that would be evaluated: a text is data."""
    if isinstance(value, Template):
        return value.text
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def json_query(value: Any, expression: str) -> Any:
    """What a JMESPath query finds."""
    import jmespath

    try:
        return jmespath.search(expression, value)
    except jmespath.exceptions.JMESPathError as error:
        raise FilterError(f"json_query {expression!r}: {error}") from error


_BCRYPT_ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def password_hash(
    value: Any, hashtype: str = "sha512", salt: str | None = None, salt_size: int | None = None,
    rounds: int | None = None, ident: str | None = None,
) -> str:  # fmt: skip
    """bcrypt; the other kinds are hashed on the host."""
    import bcrypt

    if hashtype not in ("bcrypt", "blowfish"):
        raise FilterError(f"there is no kind of hash {hashtype!r}; kinds are sha512, sha256, md5, bcrypt, blowfish")
    if int(rounds or 0) > MOST_ROUNDS:
        raise FilterError(f"bcrypt of more than {MOST_ROUNDS} rounds takes minutes, with each one more twice as long")
    if salt is None:
        salt = "".join(secrets.choice(_BCRYPT_ALPHABET) for _ in range(22))
    if len(salt) != 22 or any(sign not in _BCRYPT_ALPHABET for sign in salt):
        raise FilterError("a salt of bcrypt has 22 letters, digits, '.' and '/'")
    # Of the last character of a salt only two bits count.
    salt = salt[:-1] + _BCRYPT_ALPHABET[_BCRYPT_ALPHABET.index(salt[-1]) & 0x30]
    prefix = f"${ident or '2b'}${int(rounds or 12):02d}${salt}".encode()
    try:
        return bcrypt.hashpw(str(value).encode()[:72], prefix).decode()
    except ValueError as error:
        raise FilterError(f"password_hash: {error}") from error


def encrypt(
    value: Any, secret: Any, salt: Any = None, vault_id: str = "filter_default", wrap_object: bool = False,
    vaultid: str | None = None,
) -> str:  # fmt: skip
    """The text encrypted."""
    if not isinstance(value, str) or not isinstance(secret, str):
        raise FilterError("vault needs texts: the value and the password")
    name = vaultid or vault_id
    seed = str(salt).encode() if salt else secrets.token_bytes(32)
    return vault.seal(value.encode(), secret.encode(), "" if name in ("filter_default", "default") else name, seed)


def decrypt(value: Any, secret: Any, vault_id: str = "filter_default", vaultid: str | None = None) -> str:
    """The text decrypted; one that is not encrypted as it is."""
    if not isinstance(value, str) or not isinstance(secret, str):
        raise FilterError("unvault needs texts: the value and the password")
    if not vault.is_encrypted(value.encode()):
        return value
    try:
        return vault.open_sealed(value.encode(), secret.encode()).decode()
    except vault.WrongPassword as error:
        raise FilterError("unvault: the password does not fit, or the text was changed") from error


COMPUTING: Mapping[str, Callable[..., Any]] = {
    "to_yaml": to_yaml, "to_nice_yaml": to_nice_yaml, "from_yaml": from_yaml, "from_yaml_all": from_yaml_all,
    "password_hash": password_hash, "vault": encrypt, "unvault": decrypt, "community.general.json_query": json_query,
    "community.general.to_yaml": to_yaml_redacted, "community.general.to_nice_yaml": to_nice_yaml_redacted,
}
