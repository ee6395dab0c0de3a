"""Each rule over hosts names its cause, and nothing on hosts that are well."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clusterbook.cluster.certificates import Certificate
from clusterbook.cluster.doctor.causes import CAUSES
from clusterbook.cluster.doctor.host import HostLook
from clusterbook.cluster.doctor.of_hosts import Hosts, diagnose, told_last

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = {"pod_cidr": "10.244.0.0/16", "service_cidr": "10.96.0.0/16", "api_server_port": 6443}
UNIT = "Id={}.service\nLoadState={}\nActiveState={}\nSubState={}\nUnitFileState={}"
WELL = {
    "clock": "100.500000000", "machine-id": "aa", "forwarding": "1", "joined": "yes", "api": "status 200",
    "units": UNIT.format("kubelet", "loaded", "active", "running", "enabled"),
    "listeners": 'LISTEN 0 1 *:10250 *:* users:(("kubelet",pid=1,fd=2))', "addresses": "host0 UP 192.0.2.5/24",
    "cni": "read\n10-flannel.conflist", "kubelet-cgroups": "systemd", "containerd-cgroups": "true",
    "account-key": "d1  sa.pub", "disks": "/dev/sda 10 1 9 10% /",
}  # fmt: skip
CERTIFICATE = Certificate("kubelet", "w-1", "/x.crt", "ca", NOW + timedelta(days=9), "", "kubelet")


def hosts(*changes: dict[str, str], certificates: tuple[Certificate, ...] = (CERTIFICATE,), api: bool = True) -> Hosts:
    looks = [HostLook(f"w-{number}", ("worker",), (100.0, 101.0), {**WELL, "machine-id": f"id-{number}", **change})
             for number, change in enumerate(changes, 1)]  # fmt: skip
    return Hosts(looks, certificates, SETTINGS, NOW, api)


def unit(name: str, active: str, sub: str, loaded: str = "loaded", enabled: str = "enabled") -> dict[str, str]:
    return {"units": UNIT.format(name, loaded, active, sub, enabled)}


def test_hosts_that_are_well_have_no_cause() -> None:
    assert diagnose(hosts({}, {})) == []


@pytest.mark.parametrize(
    ("change", "cause", "seen"),
    [
        ({"clock": "90.0"}, "clock-skew", "10 s behind this machine's clock"),
        ({"clock": "4000.0"}, "clock-skew", "3899 s ahead of this machine's clock"),
        ({"disks": "/dev/sda 10 10 0 100% /var/lib/etcd"}, "disk-full", "/var/lib/etcd is 100 % full"),
        ({"swap": "/dev/sda2 partition 9 0 -2\nfailSwapOn: true"}, "swap-on", "/dev/sda2"),
        ({"forwarding": "0"}, "forwarding-off", "net.ipv4.ip_forward is 0"),
        ({"addresses": "eth0 UP 10.96.0.9/24"}, "networks-overlap", "eth0 has 10.96.0.9, service_cidr is 10.96.0.0/16"),
        ({"addresses": "eth0 UP 10.244.3.9/24"}, "networks-overlap", "eth0 has 10.244.3.9, pod_cidr is 10.244.0.0/16"),
        ({"listeners": 'LISTEN 0 1 *:10250 *:* users:(("python3",pid=1,fd=2))'}, "port-taken",
         "python3 listens on port 10250 of kubelet"),
        (unit("etcd", "inactive", "dead"), "unit-off", "it is stopped"),
        (unit("etcd", "inactive", "dead", enabled="disabled"), "unit-off", "it is disabled"),
        (unit("etcd", "inactive", "dead", loaded="masked"), "unit-off", "it is masked"),
        ({**unit("etcd", "activating", "auto-restart"), "logs": "unit etcd\nbind: permission denied\nbye"},
         "unit-failing", "bind: permission denied"),
        ({"alarms": "memberID:1 alarm:NOSPACE"}, "etcd-full", "alarm NOSPACE"),
        ({"api": "curl: (28) Connection timed out\nstatus 000"}, "api-unreachable", "curl: (28) Connection timed out"),
        ({"token": "status 401"}, "token-refused", "the API answers 401 to its bootstrap token"),
        ({"containerd-cgroups": "false"}, "cgroup-drivers-differ", "kubelet systemd, containerd cgroupfs"),
        ({"cni": "read"}, "cni-not-configured", "/etc/cni/net.d has no configuration"),
    ],
)  # fmt: skip
def test_each_state_of_a_host_has_its_cause(change: dict[str, str], cause: str, seen: str) -> None:
    (found,) = diagnose(hosts(change))
    assert (found.cause, found.seen) == (cause, seen)
    assert found.where.startswith("w-1")
    assert found.next_step
    assert cause in CAUSES


def test_what_two_hosts_should_not_share_or_should_is_told_of_both() -> None:
    same = {"machine-id": "one"}
    (found,) = diagnose(hosts(same, same))
    assert (found.cause, found.where, found.seen) == ("same-machine-id", "w-1, w-2", "one")
    (found,) = diagnose(hosts({}, {"account-key": "d2  sa.pub"}))
    assert (found.cause, found.where) == ("keys-differ", "w-1, w-2")


@pytest.mark.parametrize(
    ("change", "cause", "seen"),
    [
        ({"expires": NOW}, "certificate-expired", "/x.crt ended 2026-01-01 00:00 UTC"),
        ({"fault": "signed by me, wanted you"}, "certificate-foreign", "/x.crt: signed by me, wanted you"),
    ],
)
def test_certificates_that_are_no_good_are_named(change: dict[str, Any], cause: str, seen: str) -> None:
    (found,) = diagnose(hosts({}, certificates=(replace(CERTIFICATE, **change),)))
    assert (found.cause, found.where, found.seen) == (cause, "w-1", seen)


def test_a_node_is_not_blamed_for_an_api_that_answers_nobody() -> None:
    assert diagnose(hosts({"api": "status 000", "token": "status 401"}, api=False)) == []


def test_the_proxy_of_the_apis_address_does_not_take_the_port_of_an_api_server_that_is_stopped() -> None:
    proxy = {"listeners": 'LISTEN 0 1 10.77.0.10:6443 0.0.0.0:* users:(("haproxy",pid=1,fd=2))'}
    (found,) = diagnose(hosts({**unit("kube-apiserver", "inactive", "dead"), **proxy}))
    assert (found.cause, found.where) == ("unit-off", "w-1 kube-apiserver")


@pytest.mark.parametrize(("group", "joined", "told"), [
    ("worker", "yes", ["w-1 kubelet"]), ("control_plane", "yes", ["w-1 kube-apiserver", "w-1 kubelet"]),
    ("worker", "", []),
])  # fmt: skip
def test_a_unit_that_is_gone_is_missed_where_the_host_has_joined(group: str, joined: str, told: list[str]) -> None:
    gone = "\n\n".join(UNIT.format(name, "not-found", "inactive", "dead", "")
                       for name in ("kubelet", "kube-apiserver", "haproxy"))  # fmt: skip
    seen = hosts({"units": gone, "joined": joined, "listeners": ""})
    found = diagnose(replace(seen, looks=[replace(seen.looks[0], groups=(group,))]))
    assert sorted((one.cause, one.where, one.seen) for one in found) == [
        ("unit-off", where, "systemd has no such unit") for where in told
    ]


def test_a_unit_whose_port_is_taken_is_not_told_of_twice() -> None:
    taken = {"listeners": 'LISTEN 0 1 *:10250 *:* users:(("python3",pid=1,fd=2))'}
    (found,) = diagnose(hosts({**unit("kubelet", "activating", "auto-restart"), **taken}))
    assert found.cause == "port-taken"


def test_a_load_balancer_beside_the_api_server_takes_nothing_from_it() -> None:
    both = ("haproxy", "192.0.2.10"), ("kube-apiserver", "192.0.2.5"), ("haproxy", "127.0.0.1")
    lines = "\n".join(f'LISTEN 0 1 {address}:6443 *:* users:(("{program}",pid=1,fd=2))' for program, address in both)
    assert diagnose(hosts({**unit("kube-apiserver", "active", "running"), "listeners": lines})) == []


def test_a_pod_network_belongs_on_the_interfaces_of_pods() -> None:
    assert diagnose(hosts({"addresses": "cni0 UP 10.244.1.1/24\nflannel.1@NONE UNKNOWN 10.244.1.0/32"})) == []


def test_the_line_that_tells_of_an_error_is_shown_before_the_last_one() -> None:
    assert told_last(["starting", "open /x: permission denied", "bye"]) == "open /x: permission denied"
    assert told_last(["starting", "bye"]) == "bye"
    klog = 'E1126 21:33:31.434816    9115 run.go:72] "command failed" err="yaml: line 48"'
    ended = ("kubelet.service: Main process exited, code=exited, status=1/FAILURE", "Failed to start kubelet.service.")
    assert told_last([klog, *ended]) == '"command failed" err="yaml: line 48"'
    assert told_last([]) == "its log is empty"
