"""The task `vault`: files that ansible-vault encrypts, here or there."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from invoke.context import Context

from clusterbook.cli.boundary import command
from clusterbook.cli.vault_files import edited, encrypted, opened, plain, sealed, written
from clusterbook.cli.vaults import VAULT_HELP, VAULT_OPTIONS, key_of, open_vault
from clusterbook.errors import InvalidInput
from clusterbook.schema import suggestion
from clusterbook.source import Vault, VaultKey
from clusterbook.source.vault import DEFAULT_ID

STREAM = "-"


@command(
    "action file",
    iterable=list(VAULT_OPTIONS),
    help={
        "action": "encrypt, decrypt, view, edit, create, rekey or encrypt-string",
        "file": "the file; '-' is standard input and output",
        **VAULT_HELP,
        "encrypt-vault-id": "label of the password to encrypt with, when there are several",
        "new-vault-id": "for rekey: LABEL@SOURCE of the new password",
        "new-vault-password-file": "for rekey: file with the new password",
        "output": "write there instead of into the file; '-' is standard output",
        "name": "for encrypt-string: name of the variable",
    },
)
def vault(
    _: Context, action: str | None = None, file: str | None = None, vault_password_file: Sequence[str] | None = None,
    vault_id: Sequence[str] | None = None, ask_vault_password: bool = False, encrypt_vault_id: str = "",
    new_vault_id: str = "", new_vault_password_file: str = "", output: str = "", name: str = "",
) -> None:  # fmt: skip
    """Encrypt, decrypt, view, edit, create or rekey a file, or encrypt one value.

    Files are ansible-vault's own, both ways. encrypt-string reads the value from standard input, or asks for it: on a
    command line others could see it.

    Example: invoke vault encrypt inventory/group_vars/all/secrets.yml --vault-password-file ~/.vault
    Example: invoke vault edit inventory/group_vars/all/secrets.yml --vault-id prod@prompt
    Example: invoke vault encrypt-string --name db_password --vault-password-file ~/.vault
    """
    actions: dict[str, Callable[[Path, Vault, VaultKey], bytes | None]] = {
        "encrypt": lambda path, keys, key: sealed(_read(path), key),
        "decrypt": lambda path, keys, key: _opened(path, keys)[0],
        "view": lambda path, keys, key: _opened(path, keys)[0],
        "edit": lambda path, keys, key: _edit(path, keys),
        "create": lambda path, keys, key: _create(path, key),
        "rekey": lambda path, keys, key: sealed(_opened(path, keys)[0], _new(new_vault_id, new_vault_password_file)),
        "encrypt-string": lambda path, keys, key: _string(name, key),
    }
    if action not in actions:
        raise InvalidInput(
            f"there is no action {action!r} of vault{suggestion(action, actions)}" if action else "say what to do",
            next_step=f"Use one of {', '.join(actions)}.",
        )
    if not file and action != "encrypt-string":
        raise InvalidInput(f"vault {action} needs a file", next_step=f"clusterbook vault {action} FILE")
    if action not in ("create", "encrypt-string") and file != STREAM:
        (plain if action == "encrypt" else encrypted)(Path(str(file)))  # what is wrong with it is said before asking
    keys = open_vault(vault_password_file, vault_id, ask_vault_password)
    if not keys.keys:
        keys = Vault([key_of(f"{DEFAULT_ID}@prompt", new=action in ("encrypt", "create", "encrypt-string"))])
    found = actions[action](Path(file or STREAM), keys, _chosen(keys, encrypt_vault_id))
    if found is not None:
        shown = action in ("view", "encrypt-string") or STREAM in (file, output)
        _give(found, STREAM if shown and output in ("", STREAM) else output or str(file))


def _chosen(keys: Vault, label: str) -> VaultKey:
    """The password to encrypt with: the one of that label, else the first."""
    found = [key for key in keys.keys if key.id == label or not label]
    if not found:
        raise InvalidInput(f"no vault password has the label {label!r}",
                           next_step=f"Labels are: {', '.join(key.id for key in keys.keys)}.")  # fmt: skip
    return found[0]


def _new(vault_id: str, password_file: str) -> VaultKey:
    return key_of(vault_id or password_file or f"{DEFAULT_ID}@prompt", new=True)


def _read(path: Path) -> bytes:
    return sys.stdin.buffer.read() if str(path) == STREAM else plain(path)


def _opened(path: Path, keys: Vault) -> tuple[bytes, VaultKey]:
    return opened(Path("/dev/stdin") if str(path) == STREAM else path, keys)


def _edit(path: Path, keys: Vault) -> bytes | None:
    """The new content, encrypted with the password that it had; None when nothing was changed."""
    before, key = opened(path, keys)
    after = edited(before, path.name, os.environ)
    return None if after == before else sealed(after, key)


def _create(path: Path, key: VaultKey) -> bytes:
    if path.exists():
        raise InvalidInput(f"{str(path)!r} exists", next_step="Change it: clusterbook vault edit FILE.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)  # before it is written, so that nothing is written in vain
    except OSError as error:
        raise InvalidInput(f"cannot make the folder {str(path.parent)!r}: {str(error.strerror).lower()}",
                           next_step="Name a file in a folder that you may write to.") from error  # fmt: skip
    return sealed(edited(b"", path.name, os.environ), key)


def _string(name: str, key: VaultKey) -> bytes:
    """The value as YAML."""
    typed = sys.stdin.isatty()
    data = getpass.getpass("Value: ").encode() if typed else sys.stdin.buffer.read().removesuffix(b"\n")
    if not data:
        raise InvalidInput("the value is empty", next_step="Type it, or give it on standard input.")
    lines = sealed(data, key).decode().splitlines()
    head = f"{name}: !vault |" if name else "!vault |"
    return "\n".join([head, *(f"          {line}" for line in lines), ""]).encode()


def _give(data: bytes, target: str) -> None:
    if target == STREAM:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        written(Path(target), data)
