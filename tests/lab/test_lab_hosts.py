"""The lab's hosts are real, plain, separate, and gone without a trace. Needs root on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from clusterbook.errors import InvalidInput
from clusterbook.lab import cgroups, host, lab, network, record, requirements
from clusterbook.lab.inventory_file import spec_from_counts
from clusterbook.lab.spec import LabHost, LabSpec
from tests.lab.leftovers import machine_state

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

SPEC = LabSpec(
    "labtest",
    (LabHost("a", "10.97.0.11"), LabHost("b", "10.97.0.12", "debian-13"), LabHost("c", "10.97.0.13")),
    "10.97.0.0/24",
)


def on(name: str, command: str) -> str:
    """What a command prints on a host of the lab; it must succeed."""
    done = host.ssh(SPEC, SPEC.host(name), [command], seconds=180)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


@pytest.fixture(scope="module")
def before() -> dict[str, list[str]]:
    """The machine before the lab."""
    lab.down(SPEC)
    return machine_state(SPEC.name)


@pytest.fixture(scope="module")
def hosts(before: dict[str, list[str]]) -> Iterator[LabSpec]:
    """A lab of two Debian 12 hosts and one Debian 13 host."""
    try:
        lab.up(SPEC)
        yield SPEC
    finally:
        lab.down(SPEC)


def test_every_host_is_up_and_systemd_is_content(hosts: LabSpec) -> None:
    assert lab.status(hosts).up
    assert {on(one.name, "systemctl is-system-running") for one in hosts.hosts} == {"running"}


def test_a_second_lab_up_changes_nothing(hosts: LabSpec) -> None:
    boots = [on(one.name, "cat /proc/sys/kernel/random/boot_id") for one in hosts.hosts]
    state = machine_state(hosts.name)
    assert lab.up(hosts) == ()
    assert machine_state(hosts.name) == state
    assert [on(one.name, "cat /proc/sys/kernel/random/boot_id") for one in hosts.hosts] == boots


def test_a_host_has_the_release_that_its_inventory_asks_for(hosts: LabSpec) -> None:
    assert on("a", ". /etc/os-release; echo $VERSION_ID") == "12"
    assert on("b", ". /etc/os-release; echo $VERSION_ID") == "13"


def test_a_host_is_a_plain_server_without_what_the_playbooks_install(hosts: LabSpec) -> None:
    for name in ("a", "b"):
        assert on(name, "hostname") == name
        assert on(name, "sudo -n id -u") == "0"
        programs = "conntrack iptables nft socat runc containerd kubelet"
        assert on(name, f'for p in {programs}; do sudo sh -c "command -v $p" || :; done') == ""


def test_an_unknown_host_key_is_refused(hosts: LabSpec) -> None:
    stranger = replace(hosts, hosts=(LabHost("a", hosts.host("a").address),))
    known = hosts.directory / "known_hosts"
    text = known.read_text()
    known.write_text("")
    try:
        refused = host.ssh(stranger, stranger.host("a"), ["true"])
    finally:
        known.write_text(text)
    assert refused.returncode == 255
    assert "Host key verification failed" in refused.stderr


def test_hosts_reach_each_other_and_the_machine(hosts: LabSpec) -> None:
    for address in (hosts.gateway, hosts.host("b").address, hosts.host("c").address):
        on("a", f"ping -c1 -W2 {address}")


def test_a_package_installs_through_the_lab_s_cache(hosts: LabSpec) -> None:
    for name in ("a", "b"):
        on(name, "sudo apt-get update -q")
        on(name, "sudo DEBIAN_FRONTEND=noninteractive apt-get install -q -y socat")
        assert "socat version" in on(name, "socat -V")
    packages = Path("/var/cache/clusterbook/apt") / hosts.name / "packages"
    assert list(packages.rglob("socat_*.deb"))


def test_a_service_that_a_package_brings_is_started(hosts: LabSpec) -> None:
    on("c", "sudo DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends haproxy")
    assert on("c", "systemctl is-active haproxy") == "active"


def test_control_groups_of_two_hosts_are_separate_in_every_hierarchy(hosts: LabSpec) -> None:
    listing = "find /sys/fs/cgroup -mindepth 1 -maxdepth 2 -name lab-probe 2>/dev/null || :"
    roots = on("a", "awk '$3 ~ /^cgroup/ {print $2}' /proc/self/mounts").split()
    assert roots
    for root in roots:
        on("a", f"sudo mkdir {root}/lab-probe")
    try:
        assert len(on("a", listing).split()) == len(roots)
        assert on("b", listing) == ""
        assert on("c", listing) == ""
        assert [str(one.path) for one in cgroups.mounted() if (one.path / "lab-probe").exists()] == []
    finally:
        for root in roots:
            on("a", f"sudo rmdir {root}/lab-probe")


def test_systemd_is_told_when_the_last_process_of_a_unit_has_ended(hosts: LabSpec) -> None:
    """The kernel tells it in a tree of control groups of version 2 alone; else it holds a killed unit for seconds."""
    if all(hierarchy.version == 1 for hierarchy in cgroups.mounted()):
        pytest.skip("the machine has no control groups of version 2")
    for name in ("a", "b"):
        assert on(name, "grep ^0:: /proc/1/cgroup") == "0::/init.scope"


def test_every_hierarchy_of_the_machine_holds_the_host_in_a_group_of_its_own(hosts: LabSpec) -> None:
    for hierarchy in cgroups.mounted():
        members = [cgroups.members(record.group(hosts.name, one.name), (hierarchy,)) for one in hosts.hosts]
        assert all(members), hierarchy
        assert not members[0] & members[1]


def test_mounts_are_shared_as_containers_need_them(hosts: LabSpec) -> None:
    for name in ("a", "b"):
        assert on(name, "findmnt -n -o PROPAGATION /") == "shared"


def test_an_overlay_can_be_mounted_below_var_lib(hosts: LabSpec) -> None:
    on("a", "sudo mkdir -p /var/lib/x/l /var/lib/x/u /var/lib/x/w /var/lib/x/m")
    layers = "lowerdir=/var/lib/x/l,upperdir=/var/lib/x/u,workdir=/var/lib/x/w"
    on("a", f"sudo mount -t overlay overlay -o {layers} /var/lib/x/m && sudo touch /var/lib/x/m/file")
    on("a", "sudo umount /var/lib/x/m && sudo rm -r /var/lib/x")


def test_a_container_runs_with_limits_of_its_own(hosts: LabSpec) -> None:
    for name in ("a", "b"):
        install = "apt-get install -q -y --no-install-recommends runc busybox-static"
        on(name, f"sudo DEBIAN_FRONTEND=noninteractive {install}")
        on(
            name,
            "mkdir -p box/rootfs/bin && cp /bin/busybox box/rootfs/bin/ && cd box && rm -f config.json && runc spec",
        )
        change = (
            "import json; c = json.load(open('box/config.json')); p = c['process'];"
            "p['args'] = ['/bin/busybox', 'echo', 'hello']; p['terminal'] = False;"
            "c['linux']['resources']['memory'] = {'limit': 50000000};"
            "c['linux']['cgroupsPath'] = '/kubepods/box'; json.dump(c, open('box/config.json', 'w'))"
        )
        on(name, f'python3 -c "{change}"')
        assert on(name, "cd box && sudo runc run box") == "hello"


def test_a_host_with_a_running_container_is_ended_all_the_same(hosts: LabSpec) -> None:
    on("b", 'sed -i \'s/"echo", "hello"/"sleep", "3600"/\' box/config.json')
    on("b", "cd box && sudo runc run --detach sleeper </dev/null >/dev/null 2>&1")
    assert on("b", "sudo runc list -q") == "sleeper"
    lab.reset_host(hosts, "b")
    assert on("b", "ls") == ""


def test_a_reboot_keeps_the_disk_and_forgets_what_was_only_in_memory(hosts: LabSpec) -> None:
    for name in ("a", "b"):
        boot = on(name, "cat /proc/sys/kernel/random/boot_id")
        on(name, "echo kept > file; sudo touch /run/gone; sudo ip route add 10.99.0.0/24 via 10.97.0.1; sync")
        host.ssh(hosts, hosts.host(name), ["sudo", "systemctl", "reboot"])
        deadline = time.monotonic() + 60
        while host.ssh(hosts, hosts.host(name), ["cat", "/proc/sys/kernel/random/boot_id"]).stdout.strip() in (
            "",
            boot,
        ):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        host.wait_ready(hosts, hosts.host(name))
        assert on(name, "cat file; test -e /run/gone || echo gone; ip route show 10.99.0.0/24") == "kept\ngone"


def test_a_host_that_was_powered_off_comes_back_with_its_disk(hosts: LabSpec) -> None:
    on("c", "echo kept > file")
    lab.stop_host(hosts, "c", grace=20)
    assert [one.state for one in lab.status(hosts).hosts] == ["running", "running", "stopped"]
    assert lab.up(hosts) == ("c: booted (debian-12, 10.97.0.13)",)
    assert on("c", "cat file") == "kept"


def test_a_reset_host_is_bare_again_and_keeps_its_identity(hosts: LabSpec) -> None:
    identity = "cat /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub; ip -4 -br address show eth0 | cut -d' ' -f2-"
    before, tree = on("b", identity), "sudo find /etc /usr /opt /var/lib /home /root -xdev | sort | sha256sum"
    lab.reset_host(hosts, "b")
    bare = on("b", tree)
    on("b", "sudo mkdir -p /opt/x /var/lib/kubelet; sudo touch /etc/x")
    assert on("b", tree) != bare
    lab.reset_host(hosts, "b")
    assert on("b", identity) == before
    assert on("b", tree) == bare


def test_the_outside_can_be_cut_off_and_given_back(hosts: LabSpec) -> None:
    assert network.masquerades(hosts)
    network.delete_masquerade(hosts)
    assert not lab.status(hosts).masquerade
    on("a", f"ping -c1 -W2 {hosts.host('c').address}")
    assert lab.up(hosts) == ("masquerades 10.97.0.0/24",)


def test_a_host_that_left_the_inventory_is_removed_and_a_new_one_is_made(hosts: LabSpec) -> None:
    other = replace(hosts, hosts=(*hosts.hosts[:2], LabHost("d", "10.97.0.14")))
    changes = lab.up(other)
    assert changes == (
        "c: removed, the inventory has it no longer like that",
        "d: made (debian-12, 10.97.0.14)",
    )
    lab.up(hosts)
    assert [one.name for one in lab.status(hosts).hosts if one.state == "running"] == ["a", "b", "c"]
    assert not record.host_directory(hosts, "d").exists()


def test_a_network_that_is_taken_is_refused_before_anything_is_made(hosts: LabSpec) -> None:
    other = LabSpec("labtest2", (LabHost("a", "10.97.0.11"),), hosts.network)
    with pytest.raises(InvalidInput, match=r"10\.97\.0\.0/24 of the lab labtest2 is taken") as refused:
        lab.up(other)
    assert refused.value.next_step == "Choose another network for the lab."
    assert not other.directory.exists()


def test_a_lab_that_was_killed_while_it_came_up_comes_up_on_the_next_try(before: dict[str, list[str]]) -> None:
    lab.down(SPEC)
    package = str(Path(lab.__file__).parents[2])
    for seconds in (0.3, 0.6, 1.0, 1.6, 2.5):
        code = f"from clusterbook.lab import lab; from clusterbook.lab.spec import LabHost, LabSpec;lab.up({SPEC!r})"
        caller = subprocess.Popen([sys.executable, "-c", code], cwd=package, start_new_session=True)
        try:
            caller.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(caller.pid, signal.SIGKILL)
            caller.wait()
    lab.up(SPEC)
    assert lab.status(SPEC).up
    assert {on(one.name, "systemctl is-system-running") for one in SPEC.hosts} == {"running"}


def test_down_leaves_nothing(before: dict[str, list[str]]) -> None:
    lab.up(SPEC)
    assert machine_state(SPEC.name) != before
    lab.down(SPEC)
    assert machine_state(SPEC.name) == before


def test_a_killed_lab_leaves_nothing_after_down(before: dict[str, list[str]]) -> None:
    lab.up(SPEC)
    cgroups.kill(f"{cgroups.TOP}/{SPEC.name}", cgroups.mounted())
    lab.down(SPEC)
    assert machine_state(SPEC.name) == before


def test_a_second_down_changes_nothing(before: dict[str, list[str]]) -> None:
    assert lab.down(SPEC) == ()
    assert machine_state(SPEC.name) == before


def test_a_lab_of_so_many_hosts_has_an_inventory_of_its_own(before: dict[str, list[str]]) -> None:
    spec = spec_from_counts(SPEC.name, 1, 1, network=SPEC.network)
    try:
        assert (spec.directory / "inventory.yml").exists()
        assert [one.name for one in spec.hosts] == ["cp-1", "w-1"]
    finally:
        lab.down(spec)
    assert machine_state(SPEC.name) == before


def test_nothing_is_missing_where_a_lab_was_made() -> None:
    assert [name for name in requirements.missing_packages() if name not in requirements.OPTIONAL] == []
