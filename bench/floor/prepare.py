"""Snapshot a running cluster as prepared files for the floor: `python -m bench.floor.prepare LAB`.

For each host one archive in the cache: its configuration as `provision` left it, and lists of what is left to do:
packages, binaries, users, certificates, units, images. Nothing of that is worked out again when the floor runs.
The archives hold the authorities' private keys, since the floor makes certificates too; they are for root only.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import shutil
import sys
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from clusterbook.cluster.cluster import Cluster, open_cluster
from clusterbook.cluster.pki import ROOTS, SIGNING, SIGNING_NAME
from clusterbook.cluster.signing import MASTERS, CertificateSubject
from clusterbook.cluster.store import open_store
from clusterbook.lab import host as hosts
from clusterbook.lab import record, tree
from clusterbook.lab.mirror_servers import of_lab
from clusterbook.lab.record import host_directory, read_settings
from clusterbook.lab.spec import LabHost, LabSpec

SCRIPTS = ("host.sh", "certificates.sh")
PLACE = "run/floor"
# What a person would copy from a cluster that works. Data, packages' own files and binaries are not among it.
CONFIGURATION = (
    "/etc/kubernetes", "/etc/etcd", "/etc/containerd", "/etc/flannel", "/etc/haproxy/kubernetes.cfg", "/etc/keepalived",
    "/etc/systemd/system", "/etc/sysctl.d", "/etc/apt/apt.conf.d", "/etc/modules-load.d", "/root/.kube/config",
    "/usr/local/lib/clusterbook", "/var/lib/kubelet/config.yaml", "/var/lib/kube-proxy",
)  # fmt: skip
NODE_CERTIFICATE = "/var/lib/kubelet/pki/kubelet-client-"
# Made empty, with the owner and mode that programs expect.
DIRECTORIES = ("/var/lib/etcd", "/var/lib/kubelet", "/var/lib/kubelet/pki", "/opt/cni/bin")
USERS = ("etcd", "clusterbook-csr-approver")
AUTHORITIES = {**ROOTS, SIGNING: SIGNING_NAME}
OPERATOR = "operator"


@dataclass(frozen=True)
class Host:
    """One host's snapshot being made. changed: what differs from its image, by path."""

    spec: LabSpec
    lab: LabHost
    changed: tree.Tree

    def path(self, name: str) -> Path:
        """Where a file of the host is on this machine: what the host wrote, else its image's."""
        directory = host_directory(self.spec, self.lab.name)
        inside = name.removeprefix("/var/lib/")
        own = directory / "var-lib" / inside if inside != name else directory / "upper" / name[1:]
        return own if own.is_symlink() or own.exists() else self.base / name[1:]

    @property
    def base(self) -> Path:
        """The image under the host."""
        return read_settings(host_directory(self.spec, self.lab.name)).base


def directory(lab: str) -> Path:
    """Where the archives of a lab are."""
    return Path(platformdirs.user_cache_dir("clusterbook")) / "floor" / lab


def prepare(spec: LabSpec, cluster: Cluster) -> Path:
    """Make the archives anew from a cluster that works; the first control plane's also raises what is inside it."""
    target = directory(spec.name)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True, mode=0o700)
    trees = tree.read(spec, apart=("/var/lib/etcd", "/var/lib/containerd"))
    artifacts = yaml.safe_load(of_lab(spec).variables.read_text())["artifacts"]
    for position, one in enumerate(spec.hosts):
        host = Host(spec, one, trees[one.name])
        lists = {**_lists(host, artifacts), **_authorities(cluster)}
        if position == 0:
            lists |= _cluster(spec, cluster)
            lists["certificates"] += f"cluster {OPERATOR}.crt {OPERATOR}.key\n"
        _archive(host, lists, target / f"{one.name}.tar.gz")
    (target / "hosts").write_text("".join(f"{one.name} {one.address}\n" for one in spec.hosts))
    (target / "fingerprint").write_text(fingerprint(spec))
    return target


def fingerprint(spec: LabSpec) -> str:
    """A sum over everything that decides what the snapshot holds: playbooks, roles, inventory, artifacts, scripts."""
    root = Path(__file__).parents[2]
    folders = [root / "roles", root / "playbooks", root / "inventory", Path(__file__).parent]
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in (*(path for path in files if path.suffix != ".pyc"), of_lab(spec).variables):
        digest.update(f"{path}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _lists(host: Host, artifacts: Mapping[str, Any]) -> dict[str, str]:
    """Everything that host.sh reads, by file name."""
    urls = {one["sha256"]: one["url"] for one in artifacts.values()}
    found = {
        "binaries": [f"{urls[entry.content]} {path}" for path, entry in host.changed.items() if entry.content in urls],
        "packages": sorted(
            _installed(host.path("/var/lib/dpkg/status")) - _installed(host.base / "var/lib/dpkg/status")
        ),
        "users": list(_users(host)),
        "certificates": list(_certificates(host)),
        "units": sorted({Path(path).name for path in host.changed if "/multi-user.target.wants/" in path}),
        "images": _images(host),
    }
    lists = {name: "".join(f"{line}\n" for line in lines) for name, lines in found.items()}
    return lists | {name: (Path(__file__).parent / name).read_text() for name in SCRIPTS}


def _installed(status: Path) -> set[str]:
    """Names of the packages that a dpkg database calls installed."""
    stanzas = [dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line and line[0] != " ")
               for stanza in status.read_text().split("\n\n")]  # fmt: skip
    return {stanza["Package"] for stanza in stanzas if stanza.get("Status", "").endswith(" installed")}


def _users(host: Host) -> Iterator[str]:
    """NAME UID GID of the users that no package makes."""
    for line in host.path("/etc/passwd").read_text().splitlines():
        name, _, user, group, *_ = line.split(":")
        if name in USERS:
            yield f"{name} {user} {group}"


def _certificates(host: Host) -> Iterator[str]:
    """AUTHORITY CERTIFICATE KEY for each certificate that has its key on the host."""
    names = {name: authority for authority, name in AUTHORITIES.items()}
    for path in sorted(_configuration(host)):
        key = path if path.endswith(".pem") else str(Path(path).with_suffix(".key"))
        if Path(path).suffix not in (".crt", ".pem") or key not in host.changed or host.path(path).is_symlink():
            continue
        certificate = x509.load_pem_x509_certificate(host.path(path).read_bytes())
        issuer = certificate.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        # The signing authority's own certificate comes with its key from the store, as it does for provision.
        if path != "/etc/kubernetes/pki/signing-ca.crt":
            yield f"{names[str(issuer)]} {path} {key}"


def _images(host: Host) -> list[str]:
    """Images of the host that have a name, without those that checks of the cluster brought."""
    argv = ["sudo", "ctr", "--namespace=k8s.io", "images", "list", "--quiet"]
    names = hosts.ssh(host.spec, host.lab, argv).stdout.split()
    return [name for name in names if not name.startswith("sha256:") and "@" not in name and "busybox" not in name]


def _authorities(cluster: Cluster) -> dict[str, str]:
    """The authorities with their keys."""
    found = {}
    for name, issuer in cluster.authorities.issuers.items():
        found[f"authorities/{name}.crt"] = cluster.authorities.certificate(name)
        found[f"authorities/{name}.key"] = _pem(issuer.key)
    return found


def _cluster(spec: LabSpec, cluster: Cluster) -> dict[str, str]:
    """What cluster.sh reads: an operator's certificate, the API of this host, the nodes with their labels."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    subject = CertificateSubject("floor-operator", (MASTERS,), days=1)
    labels = {"cp": "node-role.kubernetes.io/control-plane=", "w": "node-role.kubernetes.io/worker="}
    return {
        f"{OPERATOR}.crt": cluster.authorities.sign("cluster", public.decode(), subject),
        f"{OPERATOR}.key": _pem(key),
        "server": f"https://{spec.hosts[0].address}:{cluster.spec.complete['api_server_port']}",
        "nodes": "".join(f"{one.name} {labels[one.name.split('-')[0]]}\n" for one in spec.hosts),
        "cluster.sh": (Path(__file__).parent / "cluster.sh").read_text(),
    }


def _configuration(host: Host) -> Iterator[str]:
    """Paths of the host that are its configuration."""
    for path in host.changed:
        below = any(path == one or path.startswith(f"{one}/") for one in CONFIGURATION)
        if below or path.startswith(NODE_CERTIFICATE):
            yield path


def _archive(host: Host, lists: Mapping[str, str], target: Path) -> None:
    """Write one host's archive."""
    target.touch(mode=0o600)
    with tarfile.open(target, "w:gz", compresslevel=1) as archive:
        for path in sorted({*_configuration(host), *_folders(host)}):
            archive.add(host.path(path), path[1:], recursive=False)
        for name, text in lists.items():
            entry = tarfile.TarInfo(f"{PLACE}/{name}")
            entry.size, entry.mode = len(text.encode()), 0o600
            archive.addfile(entry, io.BytesIO(text.encode()))


def _folders(host: Host) -> set[str]:
    """Folders of the configuration, whose owners and modes count, and empty ones that programs expect."""
    above = {str(parent) for path in _configuration(host) for parent in Path(path).parents}
    return {path for path in above if path in host.changed} | {path for path in DIRECTORIES if host.path(path).is_dir()}


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    """A private key as text."""
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def main(arguments: list[str]) -> int:
    """Snapshot the cluster of a lab."""
    parser = argparse.ArgumentParser(prog="python -m bench.floor.prepare", description=__doc__)
    parser.add_argument("lab", nargs="?", default="bench")
    options = parser.parse_args(arguments)
    spec = record.read_spec(options.lab)
    made = prepare(spec, open_cluster(open_store(os.environ), spec.name, os.environ))
    print(f"prepared {len(spec.hosts)} hosts in {made}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
