"""Sources -> Inventory: files read, variables merged in Ansible's order, each place remembered."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from pathlib import Path

from clusterbook.errors import InvalidInput, InvalidProject, Position
from clusterbook.inventory.ini_file import read_ini
from clusterbook.inventory.ranges import expand, split_port
from clusterbook.inventory.script import is_script, read_script
from clusterbook.inventory.tree import Tree
from clusterbook.inventory.vars_directories import VariableFiles
from clusterbook.inventory.yaml_file import read_yaml
from clusterbook.model import Host, Inventory, Variables
from clusterbook.records import dataclass
from clusterbook.source import Vault
from clusterbook.variables import Layer, merge

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
_NOT_INVENTORY = ("group_vars", "host_vars")
_IGNORED = ("~", ".orig", ".bak", ".cfg", ".retry", ".pyc", ".md", ".j2", ".txt")


class Hosts(dict[str, Host]):
    """Hosts by name. The local machine can be asked for although it is in no inventory; it is not listed."""

    def __init__(self, hosts: Mapping[str, Host], local: Variables, common: Variables) -> None:
        """local: the variables of the local machine; common: those of the group `all`."""
        super().__init__(hosts)
        self.local = local
        self.common = common

    def __missing__(self, name: str) -> Host:
        if name not in LOCAL_NAMES:
            raise KeyError(name)
        return Host(name, ("all",), self.local)

    def copied(self) -> Hosts:
        """Another mapping with the same hosts."""
        return Hosts(self, self.local, self.common)

    def __reduce__(self) -> tuple[type[Hosts], tuple[dict[str, Host], Variables, Variables]]:
        return (Hosts, (dict(self), self.local, self.common))


@dataclass(frozen=True)
class SourcedInventory(Inventory):
    """An inventory that knows who set each variable of a host: layers by host name, lowest first."""

    layers: Mapping[str, tuple[Layer, ...]] = field(default_factory=dict)


def load(
    sources: Path | str | Sequence[Path | str],
    playbook: Path | None = None,
    cluster: Variables | None = None,
    vault: Vault | None = None,
) -> SourcedInventory:
    """Read files, directories of files, scripts or "host,host" lists.

    playbook: group_vars/ and host_vars/ beside it count too. cluster: the variables of the lowest level. vault: opens
    what ansible-vault encrypted.
    Raises InvalidInput, or InvalidProject with every problem of a file.
    """
    listed = [sources] if isinstance(sources, Path | str) else list(sources)
    tree = Tree()
    for source in listed:
        _read(source, tree, cluster or {}, vault)
    tree.finish()
    files = VariableFiles(vault)
    places = _Places(_directories(listed), playbook.resolve().parent if playbook else None)
    groups = {name: tuple(tree.members(name)) for name in tree.groups}
    own = _own_groups(tree, groups)
    layers = {name: tuple(_host_layers(name, own[name], tree, files, places, cluster or {})) for name in tree.hosts}
    common = [layer for layer in _group_layers(["all"], files, tree, places, cluster or {}) if layer.values]
    of_local = list(_of_host_vars("localhost", files, places))
    if files.problems:
        raise InvalidProject(files.problems)
    local = {
        **merge(common),
        "ansible_connection": "local",
        "ansible_user": getpass.getuser(),
        "ansible_python_interpreter": sys.executable,
        **merge(of_local),
    }
    hosts = {
        name: Host(name, tuple(sorted(["all", *own[name]])), _variables(layers[name]), tree.hosts[name])
        for name in tree.hosts
    }
    known = Hosts(hosts, local, merge(common))
    joining = JoiningVariables(tree, files, places, cluster or {})
    paths = tuple(str(_path(source)) for source in listed)
    return SourcedInventory(known, groups, paths, joining, tree.parents(), layers)


@dataclass(frozen=True)
class _Places:
    """Directories that may hold group_vars and host_vars."""

    inventories: tuple[Path, ...]
    playbook: Path | None


class JoiningVariables:
    """The variables of a host that is in further groups than the inventory says (add_host, group_by)."""

    def __init__(self, tree: Tree, files: VariableFiles, places: _Places, cluster: Variables) -> None:
        """What the inventory was made of; files of groups that nobody named are read when they are joined."""
        self._tree, self._files, self._places, self._cluster = tree, files, places, cluster

    def __call__(self, name: str, groups: Iterable[str], parents: Mapping[str, Sequence[str]]) -> Variables:
        """groups: all that the host is in; parents: of groups that came during the run. Raises InvalidProject."""
        depths = self._tree.depths()

        def rank(group: str) -> tuple[int, int, str]:
            above = max((depths.get(parent, 1) for parent in parents.get(group, ())), default=0)
            known = self._tree.groups.get(group)
            return max(depths.get(group, 1), above + 1), known.priority if known else 1, group

        own = sorted((group for group in groups if group != "all"), key=rank)
        layers = list(_host_layers(name, own, self._tree, self._files, self._places, self._cluster))
        if self._files.problems:
            raise InvalidProject(self._files.problems)
        return _variables(layers)


def _variables(layers: Iterable[Layer]) -> Variables:
    """What the layers give a host; the word that only orders groups is not a variable."""
    return {name: value for name, value in merge(layers).items() if name != "ansible_group_priority"}


def _own_groups(tree: Tree, members: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The groups of each host but `all`, in the order in which their variables are merged."""
    depths = tree.depths()
    found: dict[str, list[str]] = {name: [] for name in tree.hosts}
    names = [name for name in tree.groups if name != "all"]
    for group in sorted(names, key=lambda name: (depths.get(name, 1), tree.groups[name].priority, name)):
        for host in members[group]:
            found[host].append(group)
    return found


def _path(source: Path | str) -> Path | str:
    return source if isinstance(source, str) and "," in source else Path(source).resolve()


def _read(source: Path | str, tree: Tree, cluster: Variables, vault: Vault | None) -> None:
    if isinstance(source, str) and "," in source:
        _read_list(source, tree)
        return
    path = Path(source).resolve()
    if path.is_dir():
        for file in sorted(path.iterdir()):
            if file.name not in _NOT_INVENTORY and not file.name.startswith(".") and file.suffix not in _IGNORED:
                _read(file, tree, cluster, vault)
        return
    tree.sources.append(str(path))
    if is_script(path):
        read_script(path, tree)
    elif path.suffix in (".yml", ".yaml", ".json"):
        read_yaml(path, tree, cluster, vault, lambda files: _so_far(tree, cluster, vault, files))
    else:
        read_ini(path, tree)


def _so_far(tree: Tree, cluster: Variables, vault: Vault | None, with_files: bool) -> dict[str, Variables]:
    """The variables of each host that was read so far. with_files: also of group_vars/ and host_vars/."""
    now, files = tree.copied(), VariableFiles(vault)
    now.finish()
    places = _Places(_directories(tree.sources) if with_files else (), None)
    own = _own_groups(now, {name: now.members(name) for name in now.groups})
    known: dict[str, Variables] = {}
    for name, groups in own.items():
        layers = _host_layers(name, groups, now, files, places, cluster)
        known[name] = {**_variables(layers), "group_names": sorted(name for name in groups if name != "ungrouped")}
    if files.problems:
        raise InvalidProject(files.problems)
    return known


def _read_list(text: str, tree: Tree) -> None:
    where = Position("--inventory")
    for item in filter(None, (part.strip() for part in text.split(","))):
        base, port = split_port(item)
        for name in expand(base, where):
            tree.host(name, where)
            if port is not None:
                raise InvalidInput(
                    f"{item!r} has a port", where=where, next_step="Set ansible_port in an inventory file instead."
                )


def _directories(sources: Iterable[Path | str]) -> tuple[Path, ...]:
    paths = [Path(source).resolve() for source in sources if not (isinstance(source, str) and "," in source)]
    return tuple(dict.fromkeys(path if path.is_dir() else path.parent for path in paths))


def _host_layers(
    name: str, own: list[str], tree: Tree, files: VariableFiles, places: _Places, cluster: Variables
) -> Iterable[Layer]:
    yield from (layer for layer in _group_layers(["all", *own], files, tree, places, cluster) if layer.values)
    for values in tree.host_variables.get(name, ()):
        yield Layer("inventory host", name, values)
    yield from _of_host_vars(name, files, places)


def _of_host_vars(name: str, files: VariableFiles, places: _Places) -> Iterable[Layer]:
    for kind, directories in (("inventory", places.inventories), ("playbook", _other(places))):
        for directory in directories:
            for values in files.find(directory, "host_vars", name):
                yield Layer(f"{kind} host_vars", name, values)


def _group_layers(
    groups: Sequence[str], files: VariableFiles, tree: Tree, places: _Places, cluster: Variables
) -> Iterable[Layer]:
    yield Layer("cluster", "", cluster)
    for group in groups:
        kind = "inventory group all" if group == "all" else "inventory group"
        for values in tree.groups[group].variables if group in tree.groups else ():
            yield Layer(kind, "" if group == "all" else group, values)
    yield from _file_layers("inventory group_vars/all", ["all"], files, places.inventories)
    yield from _file_layers("playbook group_vars/all", ["all"], files, _other(places))
    yield from _file_layers("inventory group_vars", groups[1:], files, places.inventories)
    yield from _file_layers("playbook group_vars", groups[1:], files, _other(places))


def _file_layers(
    kind: str, groups: Sequence[str], files: VariableFiles, directories: Sequence[Path]
) -> Iterable[Layer]:
    for directory in directories:
        for group in groups:
            for values in files.find(directory, "group_vars", group):
                yield Layer(kind, "" if group == "all" else group, values)


def _other(places: _Places) -> tuple[Path, ...]:
    """The playbook's directory, unless it is the inventory's, which was read already."""
    return (places.playbook,) if places.playbook and places.playbook not in places.inventories else ()
