"""A new project's folder: files of clusterbook/cli/new_project, the person's hosts, and what clusterbook brings."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from clusterbook.cli.places import BROUGHT_INVENTORIES, MACHINES
from clusterbook.errors import InvalidInput
from clusterbook.schema.files import project_files

TEMPLATE = Path(__file__).parent / "new_project"
# Names that a file of the package cannot have by itself.
RENAMED = {"gitignore": ".gitignore"}
# Of what clusterbook brings, beside the schemas and the values for groups: virtual machines to try a cluster on.
BROUGHT = ("Vagrantfile", f"inventory/{MACHINES}.yml")
HOST_NAME, USER_NAME = "[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", "[A-Za-z0-9_][A-Za-z0-9_.@-]*"
EXAMPLE = ("192.0.2.11",), ("192.0.2.21", "192.0.2.22")
HEAD = """\
# {about}
# Needed on each: ssh, Python 3.9 or newer, sudo for the user. Three control planes survive the loss of one.
all:
  vars:
    ansible_user: {user}
    # Where the API answers. With several control planes: a free address of the same network, which they share.
    api_address: {address}
{mode}  children:
    control_plane:
      hosts:
{control_planes}
    etcd:
      children:
        control_plane:
"""
# Without an address to share there is nothing to move: haproxy would want the port that the API server has.
ALONE = "    # What is behind it: the one control plane itself. Remove this line when others share the address.\n" \
        "    api_endpoint_mode: external\n"  # fmt: skip


def make(
    folder: Path, control_planes: Sequence[str], workers: Sequence[str], user: str, api_address: str
) -> list[Path]:
    """Write the files; those that exist stay as they are. The files that were written."""
    inventory, name = hosts_file(control_planes, workers, user, api_address), name_of(folder)
    texts = {Path(RENAMED.get(str(path), path)): text.replace("MY-CLUSTER", name) for path, text in _texts(TEMPLATE)}
    brought = project_files()
    texts |= {
        Path("inventory", "group_vars", path): text for path, text in _texts(brought / "inventory" / "group_vars")
    }
    texts |= {Path(name): (brought / name).read_text("utf-8") for name in BROUGHT}
    texts |= {Path("schemas", path): text for path, text in _texts(brought / "schemas")}
    texts[Path("inventory", f"{name}.yml")] = inventory
    written = [path for name, text in texts.items() for path in _write(folder / name, text)]
    (folder / "roles").mkdir(exist_ok=True)
    return written


def name_of(folder: Path) -> str:
    """The cluster's name, which its inventory has too: the folder's, where that can be one."""
    name = folder.resolve().name
    return name if re.fullmatch("[a-z][a-z0-9-]*", name) and name not in BROUGHT_INVENTORIES else "my-cluster"


def _texts(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            yield path.relative_to(folder), path.read_text("utf-8")


def hosts_file(control_planes: Sequence[str], workers: Sequence[str], user: str, api_address: str) -> str:
    """The inventory of the person's hosts; examples of addresses when none is given."""
    if workers and not control_planes:
        raise InvalidInput("workers need a control plane", next_step="Name its address with --control-plane.")
    if len(control_planes) > 1 and not api_address:
        raise InvalidInput(
            "several control planes share an address, and none is given",
            next_step="Name a free address of their network with --api-address.",
        )
    _check((*control_planes, *workers, api_address) if api_address else (*control_planes, *workers), user)
    about = "Your hosts." if control_planes else "Examples: put the addresses of your hosts here."
    planes = control_planes or EXAMPLE[0]
    nodes = workers if control_planes else EXAMPLE[1]
    head = HEAD.format(about=about, user=user, address=api_address or planes[0],
                       mode="" if api_address else ALONE, control_planes=_hosts("cp", planes))  # fmt: skip
    return head + (f"    worker:\n      hosts:\n{_hosts('w', nodes)}\n" if nodes else "    worker:\n      hosts:\n")


def _check(addresses: Sequence[str], user: str) -> None:
    """Refuse what could be no address, no user, or the same host twice."""
    for place, address in enumerate(addresses):
        if not _is_address(address):
            raise InvalidInput(f"{address!r} is no address and no name of a host",
                               next_step="Write it such as 192.0.2.11 or cp-1.example.org.")  # fmt: skip
        if address in addresses[:place]:
            raise InvalidInput(f"{address} is named twice", next_step="Give each host an address of its own.")
    if not re.fullmatch(USER_NAME, user):
        raise InvalidInput(f"{user!r} is no name of a user", next_step="Write it such as --user admin.")


def _is_address(text: str) -> bool:
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        return bool(re.fullmatch(HOST_NAME, text)) and not re.fullmatch("[0-9.]+", text)


def _hosts(prefix: str, addresses: Sequence[str]) -> str:
    return "\n".join(f"        {prefix}-{number}: {{ansible_host: {one}}}" for number, one in enumerate(addresses, 1))


def _write(path: Path, text: str) -> list[Path]:
    if path.exists():
        return []
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as error:
        raise InvalidInput(
            f"cannot write {str(path)!r}: {str(error.strerror).lower()}", next_step="Name a folder of yours."
        ) from error
    return [path]
