"""Verification of the key that a host shows against known_hosts."""

from __future__ import annotations

import re

import paramiko

from clusterbook.errors import Distrusted
from clusterbook.records import dataclass
from clusterbook.transport.known_hosts import KnownHosts, KnownKey, fingerprint, host_entry
from clusterbook.transport.settings import Settings

# An RSA key in known_hosts is named ssh-rsa, whatever hash its signatures use.
_RSA_SIGNATURES = ("rsa-sha2-512", "rsa-sha2-256")
# The id of an instance of EC2, whose key the inventory learns from its console.
_INSTANCE = re.compile("i-[0-9a-f]{8,17}")
_LATER = "EC2 shows an instance's console some minutes after its boot: run the same command again."


@dataclass(frozen=True)
class HostKeyPolicy(paramiko.MissingHostKeyPolicy):
    """Decides on every host key: Paramiko's own stores stay empty, so that it asks for each connection."""

    settings: Settings
    known: KnownHosts

    def entry(self) -> str:
        """The name under which the host's key is looked up: an alias is one whatever the port, as with OpenSSH."""
        return self.settings.host_key_alias or host_entry(self.settings.address, self.settings.port)

    def preferred(self, offered: tuple[str, ...]) -> tuple[str, ...]:
        """Key algorithms to ask for: those that known_hosts can verify first, as OpenSSH orders them."""
        kinds = {key.kind for key in self.known.find(self.entry()) if not key.revoked}
        if "ssh-rsa" in kinds:
            kinds.update(_RSA_SIGNATURES)
        return tuple(sorted(offered, key=lambda kind: kind not in kinds))

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        """Raise Distrusted unless the key is known, or new ones are accepted."""
        entry, blob = self.entry(), key.asbytes()
        found = self.known.find(entry)
        if any(item.revoked and item.blob == blob for item in found):
            raise self._revoked(key)
        valid = [item for item in found if not item.revoked]
        if any(item.blob == blob for item in valid):
            return
        if valid:
            raise self._changed(entry, key, valid)
        if not self.settings.accept_new:
            raise self._unknown(entry, key)
        self.known.add(entry, key.get_name(), blob)

    def _place(self) -> str:
        return f"{self.settings.host} ({self.settings.address}:{self.settings.port})"

    def _unknown(self, entry: str, key: paramiko.PKey) -> Distrusted:
        port = f"-p {self.settings.port} " if self.settings.port != 22 else ""
        file, scan = self.known.files[0], f"ssh-keyscan {port}{self.settings.address}"
        step = f"Compare the fingerprint, then '{scan} >> {file}', or set StrictHostKeyChecking=accept-new."
        if self.settings.host_key_alias:
            step = f"Compare the fingerprint, then: {scan} | sed 's/^[^ ]*/{entry}/' >> {file}"
        if _INSTANCE.fullmatch(entry):
            step = f"{_LATER} {step.replace('Compare', 'Or compare', 1)}"
        return Distrusted(
            f"{self._place()}: its host key is not known: {key.get_name()} {fingerprint(key.asbytes())}; "
            f"{entry!r} is not in {file}",
            next_step=step,
        )

    def _changed(self, entry: str, key: paramiko.PKey, found: list[KnownKey]) -> Distrusted:
        same_kind = [item for item in found if item.kind == key.get_name()] or found
        known = same_kind[0]
        return Distrusted(
            f"{self._place()}: its host key has changed: it shows {key.get_name()} {fingerprint(key.asbytes())}, "
            f"known is {known.kind} {fingerprint(known.blob)} ({known.position}). "
            "The host was set up anew, or somebody listens in",
            next_step=f"If set up anew: run ssh-keygen -R '{entry}' -f {known.position.file} and add its new key.",
        )

    def _revoked(self, key: paramiko.PKey) -> Distrusted:
        return Distrusted(
            f"{self._place()}: its host key {fingerprint(key.asbytes())} is marked as revoked",
            next_step="Give the host a new key.",
        )
