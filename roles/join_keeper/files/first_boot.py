"""What an instance of a group of workers does at its first boots: it reads how to join from the store, and joins.

update-cluster puts this and aws.py into the launch template's user data; a unit starts it with SETTINGS.json until the
node has joined. See docs/joining.md.
"""

from __future__ import annotations

import importlib.machinery
import json
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

import aws

CERTIFICATE, BOOTSTRAP = "/var/lib/kubelet/pki/kubelet-client-current.pem", "/etc/kubernetes/bootstrap-kubelet.conf"
NOT_YET = 75  # EX_TEMPFAIL: systemd starts it again


def main() -> None:
    """Join, or end with NOT_YET."""
    # systemd looks at a unit's conditions at boot, and not when it starts it again.
    if Path(CERTIFICATE).exists() and not Path(BOOTSTRAP).exists():
        say("this node has joined")
        return
    with open(sys.argv[1], encoding="utf-8") as file:
        settings = json.load(file)
    metadata = aws.Metadata()
    keys = metadata.keys()

    def read(name: str) -> bytes:
        return aws.read(f"{settings['url']}/{name}", settings["region"], keys)

    try:
        kept = read(f"segment-{settings['group']}")
        if not signed(kept, read(f"signature-{settings['group']}"), settings):
            say("what is to be done here is not signed by this cluster's key: nothing of it is done")
            sys.exit(NOT_YET)
        segment = json.loads(zlib.decompress(kept))
        identity = newest(read, segment["identities"])
    except aws.Absent as absent:
        say(f"there is nothing to join yet: {absent}")
        sys.exit(NOT_YET)
    if identity is None:
        say("no control plane has given out a token of this hour")
        sys.exit(NOT_YET)
    code = read(f"agent-{segment['digest']}")
    load(code, segment["digest"])
    from clusterbook.agent import joining

    sys.exit(0 if joining.join(segment, code, aws.instance(metadata), identity, say) else 1)


def signed(kept: bytes, signature: bytes, settings: dict) -> bool:
    """Whether who has the cluster's key made this for the group; the public half came with the user data."""
    said = f"{settings['cluster']} {settings['group']}\n".encode() + kept
    with tempfile.TemporaryDirectory() as folder:
        files = {"key": settings["key"].encode(), "said": said, "signature": signature}
        for name, content in files.items():
            Path(folder, name).write_bytes(content)
        ask = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key", "-rawin", "-in", "said",
               "-sigfile", "signature"]
        return subprocess.run(ask, cwd=folder, capture_output=True, check=False).returncode == 0


def newest(read, names: list) -> dict | None:
    """The identity that is good for the longest time from now."""
    found = []
    for name in names:
        try:
            found.append(json.loads(read(name)))
        except aws.Absent:
            continue
    good = [one for one in found if one["until"] > time.time() + 60]
    return max(good, key=lambda one: one["until"]) if good else None


class Finder:
    """Imports the agent's code from memory."""

    def __init__(self, modules: dict) -> None:
        self.modules = modules

    def find_spec(self, name, path=None, target=None):
        """See importlib."""
        if name not in self.modules:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=self.modules[name][0])

    def create_module(self, spec):
        """See importlib."""

    def exec_module(self, module):
        """See importlib."""
        text = self.modules[module.__name__][1]
        code = compile(text, f"<clusterbook>/{module.__name__}", "exec", dont_inherit=True)
        exec(code, module.__dict__)  # noqa: S102 (importlib's protocol)


def load(payload: bytes, digest: str) -> None:
    """Let the agent's code be imported; it must be what the segment says."""
    import hashlib

    code = zlib.decompress(payload)
    if hashlib.sha256(code).hexdigest() != digest:
        say("the agent's code is not the one that the segment names")
        sys.exit(NOT_YET)
    sys.meta_path.insert(0, Finder(json.loads(code)))


def say(line: str) -> None:
    """One line for the journal."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
