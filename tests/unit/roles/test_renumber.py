"""A node that was given another part of the pods' range has its pods connected anew; any other is left alone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "roles" / "containerd" / "files" / "clusterbook-renumber"
ROUTES = """default via 10.0.0.1 dev eth0
10.244.1.0/24 dev cni0 proto kernel scope link src 10.244.1.1
"""
STALE = "10.244.1.0/24 via 10.244.1.0 dev flannel.1 onlink\n"
IP = """#!/bin/sh
case "$*" in
  *address*) [ ! -e bridge ] || echo "7: cni0    inet $(cat bridge) brd 10.244.1.255 scope global cni0" ;;
  *'route show match 10.244.1.1') cat routes ;;
  'link delete cni0') rm bridge; echo "ip $*" >> done ;;
  *) echo "ip $*" >> done ;;
esac
"""
# Two sandboxes: one with a network of its own, and one with the host's; and a container of the first.
CTR = """#!/bin/sh
case "$*" in
  *containers*) printf 'one\\ntwo\\n' ;;
  *tasks*) printf 'TASK PID STATUS\\none %s RUNNING\\ntwo %s RUNNING\\nof-one %s RUNNING\\n' $(cat own) $$ $(cat own) ;;
esac
"""


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A folder whose programs say what a host's would."""
    for name, text in (("ip", IP), ("ctr", CTR), ("sleep", "#!/bin/sh\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "routes").write_text(ROUTES)
    (tmp_path / "own").write_text("99999999")
    return tmp_path


def renumbered(host: Path) -> tuple[str, list[str]]:
    """What the program says and does where the node's part is 10.244.1.0/24."""
    path = f"{host}:{os.environ['PATH']}"
    done = subprocess.run(["/bin/sh", str(SCRIPT), "10.244.1.1/24"], cwd=host, env={"PATH": path}, check=True,
                          capture_output=True, text=True)  # fmt: skip
    file = host / "done"
    return done.stdout, file.read_text().splitlines() if file.exists() else []


def test_a_bridge_with_the_right_address_stays(host: Path) -> None:
    (host / "bridge").write_text("10.244.1.1/24")
    assert renumbered(host) == ("", [])


def test_a_node_without_pods_has_nothing_to_connect(host: Path) -> None:
    assert renumbered(host) == ("", [])


def test_a_bridge_of_another_part_goes(host: Path) -> None:
    (host / "bridge").write_text("10.244.3.1/24")
    told, did = renumbered(host)
    assert "is that of 10.244.1.1/24, its bridge has 10.244.3.1/24" in told
    assert did == ["ip link delete cni0"]
    assert renumbered(host) == ("", did)


@pytest.mark.skipif(os.geteuid() != 0, reason="a network of its own needs root")
def test_sandboxes_of_pods_end_and_those_with_the_hosts_network_stay(host: Path) -> None:
    (host / "bridge").write_text("10.244.3.1/24")
    apart = ["unshare", "--net", "sh", "-c", "echo ready; exec sleep 60"]
    with subprocess.Popen(apart, stdout=subprocess.PIPE) as sandbox:
        assert sandbox.stdout is not None
        sandbox.stdout.readline()
        (host / "own").write_text(str(sandbox.pid))
        renumbered(host)
    assert sandbox.returncode == -9


def test_a_way_to_the_node_that_had_this_part_before_goes(host: Path) -> None:
    (host / "routes").write_text(ROUTES + STALE)
    assert renumbered(host)[1] == ["ip -4 route delete 10.244.1.0/24 dev flannel.1"]
