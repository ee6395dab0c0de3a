"""The passwords of vaults, as options and environment variables name them."""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from clusterbook.errors import InvalidInput, Position
from clusterbook.execute.session import Refusal
from clusterbook.language.values import Secret
from clusterbook.source import Vault, VaultKey, read_bytes
from clusterbook.source.vault import DEFAULT_ID

PASSWORD_FILE = "CLUSTERBOOK_VAULT_PASSWORD_FILE"  # noqa: S105 - the name of a variable
PROMPTS = ("prompt", "prompt_ask_vault_pass")
CLIENT = "-client"
VAULT_HELP = {
    "vault-password-file": f"file with a vault's password, or a program that prints it (default: ${PASSWORD_FILE})",
    "vault-id": "LABEL@SOURCE of a vault's password: a file, a program, or 'prompt' (may be repeated)",
    "ask-vault-password": "ask for the vault's password",
}
VAULT_OPTIONS = ["vault_password_file", "vault_id"]


def open_vault(
    files: Sequence[str] | None = None, ids: Sequence[str] | None = None, ask: bool = False,
    environment: Mapping[str, str] = os.environ, *, tolerant: bool = False,
) -> Vault:  # fmt: skip
    """The vault of a command line. The environment's file counts when no option gives a password.

    tolerant: see Vault. Raises InvalidInput.
    """
    sources = [*(ids or ()), *(f"{DEFAULT_ID}@{name}" for name in files or ())]
    if ask:
        sources.append(f"{DEFAULT_ID}@prompt")
    if not sources and environment.get(PASSWORD_FILE):
        sources.append(f"{DEFAULT_ID}@{environment[PASSWORD_FILE]}")
    return Vault([key_of(text) for text in sources], tolerant)


def key_of(text: str, new: bool = False) -> VaultKey:
    """The key of LABEL@SOURCE, or of SOURCE alone. new: a password that is typed is asked for twice."""
    label, at, source = text.partition("@")
    if not at:
        label, source = DEFAULT_ID, text
    if source in PROMPTS:
        return VaultKey(label or DEFAULT_ID, _typed(label or DEFAULT_ID, new))
    path = Path(source).expanduser()
    if not path.is_file():
        raise InvalidInput(
            f"there is no vault password file {source!r}",
            next_step="Give LABEL@FILE, LABEL@PROGRAM or LABEL@prompt.",
        )
    runs = os.access(path, os.X_OK)
    found = (_printed(path.resolve(), label) if runs else read_bytes(path)).strip()
    if not found:
        raise InvalidInput(
            f"the vault password of {source!r} is empty", next_step="Write the password into the file's first line."
        )
    return VaultKey(label or DEFAULT_ID, found)


def _typed(label: str, new: bool) -> bytes:
    if not sys.stdin.isatty():
        raise InvalidInput(
            f"the vault password of {label!r} cannot be asked for: the input is no terminal",
            next_step="Give --vault-password-file FILE.",
        )
    word = "New vault password" if new else "Vault password"
    found = getpass.getpass(f"{word} ({label}): ")
    if new and getpass.getpass(f"Confirm new vault password ({label}): ") != found:
        raise InvalidInput("the two passwords differ", next_step="Type the same one twice.")
    if not found:
        raise InvalidInput("the vault password is empty", next_step="Type one.")
    return found.encode()


def _printed(path: Path, label: str) -> bytes:
    """What a program prints; one whose name ends in -client is told the label, as ansible-vault does."""
    words = [str(path), *(["--vault-id", label] if path.stem.endswith(CLIENT) else [])]
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, check=False)
    except OSError as error:
        raise InvalidInput(
            f"the vault password program {str(path)!r} cannot be run: {str(error.strerror).lower()}",
            next_step="Begin it with a line such as #!/bin/sh; if it holds the password, make it not executable.",
        ) from None
    if done.returncode:
        raise InvalidInput(
            f"the vault password program {str(path)!r} ended with status {done.returncode}",
            next_step="Run it by itself to see why.",
        )
    return done.stdout


def decrypter(vault: Vault) -> Callable[[bytes, str], bytes]:
    """Opens files for steps and lookups: (data, its name) -> plain data, which is masked from then on."""

    def decrypt(data: bytes, name: str) -> bytes:
        try:
            found = vault.open(data, Position(name))
        except InvalidInput as problem:
            raise Refusal(f"{name}: {problem.message}. {problem.next_step}") from problem
        vault.remember(found.decode(errors="replace"))
        return found

    return decrypt


def is_secret(value: Any, vault: Vault) -> bool:
    """Whether a value without parts is not to be shown: it comes from a store of secrets, or was encrypted."""
    return isinstance(value, Secret) or (not isinstance(value, bool) and vault.opened(str(value)))
