"""What a reset left on hosts: all that differs from a bare host with the same packages."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from clusterbook.lab import lab, tree
from clusterbook.lab.spec import LabSpec
from tests.lab.asking import as_root

# What apt and dpkg write down of every run, and caches that follow from what is installed.
OF_PACKAGES = ("/var/lib/dpkg", "/var/lib/apt", "/var/cache/apt", "/var/cache/debconf", "/var/cache/ldconfig",
               "/etc/ld.so.cache", "/var/lib/ucf")  # fmt: skip
# Copies that programs keep of the version before the last.
# Also the days on which passwords changed, which differ when midnight came between; users themselves are in passwd.
BACKUPS = ("/etc/shadow", "/etc/passwd-", "/etc/shadow-", "/etc/group-", "/etc/gshadow-", "/etc/subuid-",
           "/etc/subgid-")  # fmt: skip
# Named anew by systemd at each boot.
OF_A_BOOT = ("/tmp/systemd-private-", "/var/tmp/systemd-private-")
# A bare host's lists of packages may be younger or older than those that the playbooks found: the very versions.
INSTALL = """\
export DEBIAN_FRONTEND=noninteractive
install() {{ apt-get -q -y {proxy} --no-install-recommends --allow-downgrades install {packages}; }}
install || {{ apt-get -q {proxy} update && install; }}
"""


def left(spec: LabSpec, names: Sequence[str], apart: Sequence[str]) -> list[str]:
    """Paths of hosts that were reset which a bare host with the same packages does not have like that.

    The hosts are made bare for the comparison, and stay so. apart: paths to leave out besides those of packages.
    """
    leave = (*apart, *OF_PACKAGES, *BACKUPS)
    wanted = {name: _packages(spec, name) for name in names}
    after = tree.read(spec, names, leave)
    lab.reset_hosts(spec, names)
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(lambda name: _install(spec, name, wanted[name] - _packages(spec, name)), names))
    reference = tree.read(spec, names, leave)
    return tree.differences(_timeless(reference), _timeless(after))


def _packages(spec: LabSpec, name: str) -> set[str]:
    """Packages on a host, each as NAME=VERSION."""
    return set(as_root(spec, name, "dpkg-query -W -f '${binary:Package}=${Version}\\n'", seconds=300).split())


def _install(spec: LabSpec, name: str, packages: set[str]) -> None:
    proxy = f"-o Acquire::http::Proxy=http://{spec.gateway}:{spec.apt_port}"
    as_root(spec, name, INSTALL.format(proxy=proxy, packages=" ".join(sorted(packages))), seconds=300)


def _timeless(trees: dict[str, tree.Tree]) -> dict[str, tree.Tree]:
    """The same without when files were written, since the reference is younger, and without what a boot names."""
    return {
        name: {path: replace(entry, changed=0) for path, entry in found.items() if not path.startswith(OF_A_BOOT)}
        for name, found in trees.items()
    }
