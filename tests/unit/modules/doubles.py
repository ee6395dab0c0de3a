"""Programs of hosts that this machine is not, as far as modules use them: they remember what they were told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clusterbook.modules.system.commands import Completed

FINGERPRINT = "0123456789ABCDEF0123456789ABCDEF01234567"


class Programs:
    """dnf and rpm with packages and keys, gpg that finds one key, and apt-key with a ring of keys."""

    def __init__(self) -> None:
        self.packages = {"bash"}
        self.keys: set[str] = set()
        self.ring: set[str] = set()

    def state(self) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
        """All that can change."""
        return frozenset(self.packages), frozenset(self.keys), frozenset(self.ring)

    def __call__(self, argv: Sequence[str], **options: Any) -> Completed:
        """Answer like the program."""
        code, said = getattr(self, "_" + argv[0].replace("-", "_"))(list(argv[1:]))
        return Completed(tuple(argv), code, said, "", 0.0, 0.0)

    def _dnf(self, words: list[str]) -> tuple[int, str]:
        verbs = [word for word in words if not word.startswith("-")]
        if verbs[0] == "install":
            self.packages |= set(verbs[1:])
        elif verbs[0] == "remove":
            self.packages -= set(verbs[1:])
        return 0, ""

    def _rpm(self, words: list[str]) -> tuple[int, str]:
        if words[0] == "-qa":
            return 0, "".join(f"{name}\t1-1\tx86_64\n" for name in sorted(self.packages))
        if words[0] == "--import":
            assert Path(words[1]).read_text() == "a key"
            self.keys.add(FINGERPRINT[-8:].lower() + "-1")
        elif words[0] == "-e":
            self.keys -= {word.removeprefix("gpg-pubkey-") for word in words[2:]}
        elif words[:2] == ["-q", "gpg-pubkey"]:
            return 0, "".join(f"{key}\n" for key in sorted(self.keys))
        else:
            return 1, ""
        return 0, ""

    def _gpg(self, words: list[str]) -> tuple[int, str]:
        return 0, f"fpr:::::::::{FINGERPRINT}:\n"

    def _apt_key(self, words: list[str]) -> tuple[int, str]:
        if "add" in words:
            self.ring.add(FINGERPRINT)
        elif "del" in words:
            self.ring -= {key for key in self.ring if key.endswith(words[-1][-16:])}
        return 0, "".join(f"fpr:::::::::{key}:\n" for key in self.ring)
