"""Tasks that write a cluster's configuration, and nothing else."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from invoke.context import Context

from clusterbook.cli.boundary import command
from clusterbook.cli.screen import print_json, say, say_aside
from clusterbook.cloud.aws import Cloud
from clusterbook.cloud.bucket import ensure_bucket, lacking
from clusterbook.cluster import files, spec
from clusterbook.cluster.secrets import open_keyring
from clusterbook.cluster.spec import ClusterSpec
from clusterbook.cluster.store import Store, check_cluster_name, open_store
from clusterbook.errors import Failed, InvalidInput, InvalidProject

PUBLIC_KEYS = ("id_ed25519.pub", "id_ecdsa.pub", "id_rsa.pub")
SIZE = "t3.medium"
# Options that say what EC2 makes, here and for `up`.
MACHINES_HELP = {
    "zones": "availability zones, separated by commas: hosts are made by EC2",
    "node-count": "number of workers",
    "node-size": "instance type of the workers",
    "master-count": "number of control planes: 1, 3 or 5 (default: 3 with three zones or more, else 1)",
    "master-size": "instance type of the control planes",
    "image": "system of the hosts: debian-12, debian-13 (the default) or the id of an image (AMI)",
    "access": "ranges of addresses that may reach the API and ssh, separated by commas (default: none)",
    "nat": "one or each_zone: hosts without public addresses, behind one gateway or one in each zone (default: none)",
    "bastion": "one more host: ssh reaches the others through it alone, and it from the ranges of --access",
    "private-zone": "private DNS zone, such as demo.internal: hosts ask the API as api.ZONE",
}


@dataclass(frozen=True)
class Wishes:
    """What a person says of a new cluster. masters, nodes: how many, and their instance type; 0 masters: by the zones.

    api_address: of hosts that exist already, without zones. network: more keys of the part aws.
    """

    zones: str = ""
    masters: tuple[int, str] = (0, SIZE)
    nodes: tuple[int, str] = (2, SIZE)
    image: str = ""
    access: str = ""
    ssh_public_key: str = ""
    kubernetes_version: str = ""
    api_address: str = ""
    network: Mapping[str, Any] = field(default_factory=dict)


def network_wishes(nat: str, bastion: bool, private_zone: str) -> dict[str, Any]:
    """Wishes.network of what the options say; what they leave out is left to the schema."""
    said: dict[str, Any] = {"nat": nat, "bastion": {} if bastion else "", "private_zone": private_zone}
    return {name: value for name, value in said.items() if value != ""}


@command(
    positional=["name"],
    help={
        "name": "name of the cluster, such as demo.k8s.local",
        **MACHINES_HELP,
        "ssh-public-key": "file with your public key (default: the first of ~/.ssh/id_*.pub)",
        "kubernetes-version": "version of Kubernetes (default: the newest)",
        "api-address": "without --zones: the address of the API, for hosts that exist already",
        "json": "show the result as JSON",
    },
)
def create_cluster(
    _: Context, name: str, zones: str = "", node_count: int = 2, node_size: str = SIZE, master_count: int = 0,
    master_size: str = SIZE, ssh_public_key: str = "", image: str = "", access: str = "", nat: str = "",
    bastion: bool = False, private_zone: str = "", kubernetes_version: str = "", api_address: str = "",
    json_: bool = False,
) -> None:  # fmt: skip
    """Write the configuration of a new cluster.

    Nothing else is made, except the bucket of a store on S3.

    Example: invoke create-cluster demo.k8s.local --zones us-east-2a,us-east-2b,us-east-2c --node-count 2
    Example: invoke create-cluster demo --zones us-east-2a --nat one --bastion --access 203.0.113.0/24
    Example: invoke create-cluster office --api-address 192.0.2.10
    """
    store = open_store(os.environ)
    wishes = Wishes(zones, (master_count, master_size), (node_count, node_size), image, access, ssh_public_key,
                    kubernetes_version, api_address, network_wishes(nat, bastion, private_zone))  # fmt: skip
    written, text = configure(store, name, wishes)
    if json_:
        print_json({"cluster": name, "store": store.address, "configuration": written})
        return
    print(text.rstrip())
    print(f"\nWritten to {store.address}/{name}/{spec.FILE}; nothing else was made.")
    say(f"  invoke edit-cluster {name}      to change it")
    if zones:
        say(f"  invoke update-cluster {name}    to see what it would create")


def configure(store: Store, name: str, wishes: Wishes) -> tuple[dict[str, Any], str]:
    """Write the configuration of a new cluster, and make the store's bucket. Returns its keys, and the text."""
    draft, text = drafted(name, wishes)
    if wishes.zones and store.address.startswith("s3://"):
        _provide_bucket(Cloud(name, draft.complete["aws"]["region"]), store.address[5:].partition("/")[0])
    open_keyring(store, os.environ)  # how it is had is decided now; and user data of workers have a key of it
    if not store.swap(f"{name}/{spec.FILE}", None, text.encode()):
        raise InvalidInput(f"there is a cluster {name!r} in the store {store.address} already",
                           next_step=f"Change it with: invoke edit-cluster {name}")  # fmt: skip
    return dict(draft.written), text


def _provide_bucket(cloud: Cloud, bucket: str) -> None:
    """Make it, or say what one that somebody made does not have."""
    if not ensure_bucket(cloud, bucket) and (lacks := lacking(cloud, bucket)):
        say_aside(f"the bucket {bucket} is not as clusterbook makes one: it {', '.join(lacks)}; it is left as it is")


def drafted(name: str, wishes: Wishes) -> tuple[ClusterSpec, str]:
    """The configuration of a new cluster, and its text. Nothing is written."""
    written: dict[str, Any] = {"cluster_name": check_cluster_name(name)}
    if not (wishes.zones or wishes.api_address):
        raise InvalidInput(
            f"nothing says where {name} is to be",
            next_step="Give --zones ZONE,… for hosts that EC2 makes, or --api-address ADDRESS for hosts that exist.",
        )
    if wishes.kubernetes_version:
        written["kubernetes_version"] = wishes.kubernetes_version
    if wishes.api_address:
        written["api_address"] = wishes.api_address
    if wishes.zones:
        written["aws"] = _aws(wishes)
    text = spec.render(written)
    return spec.parse(text, f"{name}/{spec.FILE}"), text


@command(
    positional=["name"],
    help={
        "name": "name of the cluster",
        "file": "take the text from this file instead of an editor",
        "json": "show the result as JSON",
    },
)
def edit_cluster(_: Context, name: str, file: str = "", json_: bool = False) -> None:
    """Change the configuration of a cluster in $EDITOR.

    It is checked before it is kept; nothing is lost on an error.

    Example: invoke edit-cluster demo.k8s.local
    Example: invoke edit-cluster demo.k8s.local --file cluster.yaml
    """
    store = open_store(os.environ)
    spec.read(store, name)
    old = store.read(f"{name}/{spec.FILE}") or b""
    draft = Path(file) if file else _edited(store, name, old)
    new = _read(draft)
    if new != old:
        _keep(store, name, (old, new), draft)
    if new != old and not file:
        draft.unlink()
    if json_:
        print_json({"cluster": name, "store": store.address, "changed": new != old,
                    "configuration": spec.read(store, name).written})  # fmt: skip
    elif new == old:
        print("Nothing was changed.")
    else:
        first = f"invoke update-cluster {name}, or " if spec.read(store, name).on_ec2 else ""
        say(f"Kept. To see what it would change: {first}invoke plan.")


def _keep(store: Store, name: str, texts: tuple[bytes, bytes], draft: Path) -> None:
    """texts: old and new. Raises for a wrong text, and Failed when the store has another old one."""
    old, new = texts
    key = f"{name}/{spec.FILE}"
    _check(new, name, draft)
    if not store.swap(key, old, new):
        raise Failed(f"{key} was changed by somebody else meanwhile; your text is kept in {draft}",
                     next_step=f"Compare both, then run: invoke edit-cluster {name} --file {draft}")  # fmt: skip


def _aws(wishes: Wishes) -> dict[str, Any]:
    zones, (masters, master_size), (nodes, node_size) = _words(wishes.zones), wishes.masters, wishes.nodes
    aws: dict[str, Any] = {
        "zones": zones,
        "control_plane": {"count": masters or (3 if len(zones) >= 3 else 1), "instance_type": master_size},
        "worker_groups": [{"name": "nodes", "count": nodes, "instance_types": [node_size]}],
    }
    public = _public_key(wishes.ssh_public_key)
    if public:
        aws["ssh_public_key"] = public
    if wishes.access:
        aws |= {"api_access_cidrs": _words(wishes.access), "ssh_access_cidrs": _words(wishes.access)}
    if wishes.image:
        aws["image"] = wishes.image
    return {**aws, **wishes.network}


def _public_key(file: str) -> str:
    """The text of the key file, or of the first of the person's own; '' when there is none."""
    home = Path.home() / ".ssh"
    candidates = [Path(file).expanduser()] if file else [home / name for name in PUBLIC_KEYS]
    for path in candidates:
        if path.is_file():
            return path.read_text().strip()
    if file:
        raise InvalidInput(f"there is no file {file!r}", next_step="Name the file of your public key.")
    return ""


def _words(text: str) -> list[str]:
    return [word for word in (part.strip() for part in text.split(",")) if word]


def _edited(store: Store, name: str, old: bytes) -> Path:
    """The file in which a person's editor left the new text; private, and kept until the store has it."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    draft = store.local_directory(f"{name}/edit") / spec.FILE
    files.write_atomically(draft, old, durable=False)
    if not sys.stdin.isatty() and "EDITOR" not in os.environ and "VISUAL" not in os.environ:
        raise InvalidInput("there is no terminal for an editor", next_step="Give the new text with --file FILE.")
    done = subprocess.run([*shlex.split(editor), str(draft)], check=False)
    if done.returncode:
        raise Failed(f"the editor {editor!r} ended with status {done.returncode}; nothing was changed",
                     next_step="Set EDITOR to one that works here.")  # fmt: skip
    return draft


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}", next_step="Name another file.") from error


def _check(new: bytes, name: str, draft: Path) -> None:
    try:
        parsed = spec.parse(new.decode("utf-8", "replace"), str(draft))
    except InvalidProject as error:
        raise InvalidProject(
            error.problems,
            next_step=f"The configuration was not kept; your text is in {draft}. Correct it there, then run: "
                      f"invoke edit-cluster {name} --file {draft}",
        ) from error  # fmt: skip
    if parsed.name != name:
        raise InvalidInput(f"cluster_name is {parsed.name!r}, but this is the configuration of {name!r}",
                           next_step="A cluster cannot be renamed; make another one.")  # fmt: skip
