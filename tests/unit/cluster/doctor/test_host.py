"""What a host answers, and what is read from it."""

from __future__ import annotations

import subprocess

from clusterbook.cluster import questions
from clusterbook.cluster.doctor.host import COMMANDS, HostLook, look

UNITS = """Id=kubelet.service
LoadState=loaded
ActiveState=activating
SubState=auto-restart
UnitFileState=enabled

Id=haproxy.service
LoadState=not-found
ActiveState=inactive
SubState=dead
UnitFileState="""


def told(**answers: str) -> HostLook:
    return HostLook("w-1", ("worker",), (100.0, 101.0), answers)


def test_this_machine_answers_what_is_asked_of_a_host() -> None:
    done = subprocess.run(["/bin/sh", "-c", questions.script("=== abc", COMMANDS)], capture_output=True, check=True,
                          timeout=120)  # fmt: skip
    seen = look("here", (), (0.0, 0.0), "=== abc", done.stdout)
    assert seen.clock is not None
    assert seen.clock > 1.7e9
    assert 0 <= seen.disks["/"] <= 100
    assert seen.word("forwarding") in ("0", "1")


def test_units_that_are_installed_come_with_the_last_lines_of_their_logs() -> None:
    seen = told(units=UNITS, logs="unit kubelet\none\n\ntwo\nunit haproxy\n")
    assert list(seen.units) == ["kubelet"]
    assert seen.units["kubelet"].log == ("one", "two")
    assert seen.units["kubelet"].sub == "auto-restart"


def test_a_unit_that_runs_just_now_after_many_restarts_is_restless() -> None:
    def unit(restarts: int, since: int, active: str = "active") -> bool:
        state = f"ActiveState={active}\nNRestarts={restarts}\nActiveEnterTimestampMonotonic={since}000000"
        return told(units=f"Id=etcd.service\nLoadState=loaded\n{state}", uptime="1000.5 9.9").units["etcd"].restless

    assert unit(3, 995)
    assert not unit(3, 900)
    assert unit(3, 900, "deactivating")
    assert not unit(1, 999)


def test_a_file_system_is_as_full_as_its_space_or_its_inodes() -> None:
    head = "Filesystem 1024-blocks Used Available Capacity Mounted on"
    seen = told(disks=f"{head}\n/dev/sda1 100 40 60 40% /\n/dev/sdb1 10 1 9 10% /var/lib/etcd",
                inodes=f"{head}\n/dev/sda1 100 99 1 99% /")  # fmt: skip
    assert seen.disks == {"/": 99, "/var/lib/etcd": 10}


def test_who_listens_is_read_from_ss() -> None:
    seen = told(listeners='LISTEN 0 4096 *:10250 *:* users:(("kubelet",pid=1,fd=2))\n'
                'LISTEN 0 5 127.0.0.1:2379 0.0.0.0:* users:(("python3",pid=7,fd=3),("sh",pid=1,fd=3))')  # fmt: skip
    assert seen.listeners == {10250: ["kubelet"], 2379: ["python3"]}


def test_addresses_are_those_of_interfaces() -> None:
    assert told(addresses="host0@if5 UP 10.0.0.5/24 10.0.0.6/32\ncni0 UP 10.244.1.1/24").addresses == [
        ("host0@if5", "10.0.0.5"), ("host0@if5", "10.0.0.6"), ("cni0", "10.244.1.1")]  # fmt: skip


def test_nonsense_from_a_host_is_no_answer() -> None:
    seen = told(clock="now", units="what\n\n=\n", disks="%%%", listeners="LISTEN", addresses="x", logs="?")
    assert (seen.clock, seen.units, seen.disks, seen.listeners, seen.addresses) == (None, {}, {}, {}, [])
