"""The task that shows and changes how the key of the store is had."""

from __future__ import annotations

import os
from typing import Any

from invoke.context import Context

from clusterbook.cli.boundary import command
from clusterbook.cli.screen import print_json
from clusterbook.cluster.secrets import VARIABLES, change, description, open_keyring
from clusterbook.cluster.store import Store, open_store
from clusterbook.errors import EXIT_CHANGES, EXIT_DONE, InvalidInput

NEW_VARIABLE = "CLUSTERBOOK_STORE_NEW_PASSPHRASE"
KINDS = {"file": "the key file of this machine", "passphrase": "a passphrase", "kms": "the KMS key"}


@command(
    help={
        "kms_key": "encrypt the key of the store by this KMS key: its ARN, its id, or alias/NAME",
        "passphrase": f"encrypt it by the passphrase in {NEW_VARIABLE}",
        "file": "encrypt it by the key file of this machine",
        "yes": "really do it",
        "json": "show the result as JSON",
    },
)
def store_key(
    _: Context, kms_key: str = "", passphrase: bool = False, file: bool = False, yes: bool = False, json_: bool = False
) -> int:
    """Show what protects the key of the store, or protect it in another way.

    It encrypts private keys and secrets of clusters in the store, and lies there encrypted itself, in keyring.json.
    Only that file changes; the key itself stays. So somebody with the old passphrase, key file or KMS key and an older
    copy of keyring.json can still read all. Without --yes nothing is written; the key is tried.

    Example: invoke store-key
    Example: invoke store-key --kms-key alias/clusterbook --yes
    Example: invoke store-key --passphrase --yes
    """
    store = open_store(os.environ)
    now = description(store)
    kind, word = _wish(kms_key, passphrase, file)
    if not now:
        if kind:
            raise InvalidInput(f"the store {store.address} has no key yet", next_step=_first(kind))
        return _shown(store, now, json_, "It gets one with its first cluster.")
    open_keyring(store, os.environ)
    if not kind:
        return _shown(store, now, json_, "It opens.")
    if not yes:
        return _shown(store, now, json_, f"Nothing has been done. To have it by {KINDS[kind]} {kms_key}".rstrip()
                      + ": the same with --yes", EXIT_CHANGES)  # fmt: skip
    change(store, kind, word, os.environ)
    return _shown(store, description(store), json_, _afterwards(kind))


def _wish(kms_key: str, passphrase: bool, file: bool) -> tuple[str, str]:
    """What somebody asks for: the kind, and its passphrase or KMS key; ("", "") when nothing shall change."""
    words = {"kms": kms_key, "passphrase": passphrase, "file": file}
    kinds = [kind for kind, given in words.items() if given]
    if len(kinds) > 1:
        raise InvalidInput("the key of a store is had by one thing alone", next_step="Name one of the options.")
    if kinds != ["passphrase"]:
        return (kinds[0], kms_key) if kinds else ("", "")
    word = os.environ.get(NEW_VARIABLE, "")
    if not word:
        raise InvalidInput("there is no new passphrase", next_step=f"Set {NEW_VARIABLE} to it.")
    return "passphrase", word


def _first(kind: str) -> str:
    if kind in VARIABLES:
        return f"Set {VARIABLES[kind]} and make a cluster in it: invoke create-cluster."
    return "Make a cluster in it: invoke create-cluster."


def _afterwards(kind: str) -> str:
    if kind == "passphrase":
        return f"Done. From now on set {VARIABLES[kind]} to the new passphrase."
    return "Done."


def _shown(store: Store, found: dict[str, str], as_json: bool, words: str, code: int = EXIT_DONE) -> int:
    if as_json:
        data: dict[str, Any] = {"store": store.address, **{name: found.get(name) for name in ("kind", "key")}}
        print_json({**data, "context": {"clusterbook:store": found["store"]} if "store" in found else None})
        return code
    how = f"{KINDS[found['kind']]} {found.get('key', '')}".rstrip() if found else "nothing"
    print(f"The key of the store {store.address} is had by {how}.\n{words}")
    return code
