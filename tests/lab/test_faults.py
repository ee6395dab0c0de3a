"""What goes wrong on real hosts: one clear message, nothing half done, the other host unharmed."""

from __future__ import annotations

import hashlib
import http.server
import json
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clusterbook.cluster.cluster import ensure_cluster, ensure_secrets
from clusterbook.cluster.store import open_store
from clusterbook.lab import host as machine
from clusterbook.lab import lab

if TYPE_CHECKING:
    from tests.lab.conftest import TwoHosts

ROOT = Path(__file__).parents[2]
HEAD = """\
- name: Work
  hosts: all
  become: true
  gather_facts: false
  tasks:
"""
WRITE = HEAD + """\
    - name: Write it
      ansible.builtin.copy: {dest: /srv/written, content: "yes", mode: "0644"}
"""
WROTE = "~ {host}        Write it   play.yml:6\n    content: yes\n    mode: 0644\n"
AGAIN = "mend the cause, then run the same command again: it goes on where it stopped"
# Ends when the test says so, so that no test depends on how fast a host is.
WAIT = """\
    - name: Wait
      ansible.builtin.command:
        argv: [sh, -c, "touch /srv/waiting; for i in $(seq 900); do [ -e /srv/go ] && exit 0; sleep 0.2; done; exit 1"]
"""


def written(hosts: TwoHosts) -> dict[str, bool]:
    """Which hosts have the file that WRITE makes."""
    return {one.name: hosts.on(one.name, "cat /srv/written || true") == "yes" for one in hosts.spec.hosts}


def lost(hosts: TwoHosts, message: str, inventory: dict[str, object] | None = None, word: str = "unreachable") -> None:
    """Run WRITE: host a is lost with this message and untouched, host b is done."""
    output = hosts.run(WRITE, hosts=inventory, expect=4 if word == "unreachable" else 1)
    assert sorted(output.splitlines()) == sorted(
        f"play  Work  (2 hosts)\n{word}  a  {message}\n{WROTE.format(host='b')}"
        f"2 hosts: 1 {word}, 1 changed.".splitlines()
    )


def test_a_stopped_host_is_unreachable_and_the_other_goes_on(two_hosts: TwoHosts) -> None:
    lab.stop_host(two_hosts.spec, "a")
    try:
        output = two_hosts.run(WRITE, expect=4)
    finally:
        lab.start_host(two_hosts.spec, "a")
    # Which one depends on whether this machine still remembers the host's hardware address.
    assert any(f"\nunreachable  a  a (10.85.0.11:22): {message}\n" in output for message in (
        "no route to host\n  next    Check that the host runs and that its address (ansible_host) is right.",
        "no answer within 10 s\n  next    Check that the host runs and that no firewall is between.",
    ))  # fmt: skip
    assert WROTE.format(host="b") in output
    assert output.endswith("2 hosts: 1 unreachable, 1 changed.\n")
    assert written(two_hosts) == {"a": False, "b": True}


def _known(two_hosts: TwoHosts) -> tuple[str, dict[str, object]]:
    """Host b's line of known_hosts, and an inventory that reads the file `known` instead."""
    file = two_hosts.spec.directory / "known_hosts"
    line = next(line for line in file.read_text().splitlines() if "10.85.0.12" in line)
    text = json.dumps(two_hosts.inventory()).replace(str(file), str(two_hosts.folder / "known"))
    return line, json.loads(text)


def _fingerprint(line: str) -> str:
    done = subprocess.run(["ssh-keygen", "-lf", "-"], input=line, capture_output=True, text=True, check=True)
    return done.stdout.split()[1]


def test_an_unknown_host_key_is_refused_with_its_fingerprint(two_hosts: TwoHosts) -> None:
    line, inventory = _known(two_hosts)
    known = two_hosts.folder / "known"
    known.write_text(f"{line}\n")
    print_ = _fingerprint(machine.host_key(two_hosts.spec, two_hosts.spec.host("a")))
    lost(two_hosts, f"a (10.85.0.11:22): its host key is not known: ssh-ed25519 {print_}; '10.85.0.11' is not in "
         f"{known}\n  next    Compare the fingerprint, then 'ssh-keyscan 10.85.0.11 >> {known}', or set "
         "StrictHostKeyChecking=accept-new.", inventory)  # fmt: skip
    assert known.read_text() == f"{line}\n"
    assert written(two_hosts) == {"a": False, "b": True}


def test_a_changed_host_key_is_refused_with_both_fingerprints_and_the_line(two_hosts: TwoHosts) -> None:
    line, inventory = _known(two_hosts)
    known = two_hosts.folder / "known"
    known.write_text(f"{line}\n10.85.0.11 {line.split(' ', 1)[1]}\n")
    print_ = _fingerprint(machine.host_key(two_hosts.spec, two_hosts.spec.host("a")))
    message = (
        f"a (10.85.0.11:22): its host key has changed: it shows ssh-ed25519 {print_}, known is ssh-ed25519 "
        f"{_fingerprint(line)} ({known}:2). The host was set up anew, or somebody listens in\n"
        f"  next    If set up anew: run ssh-keygen -R '10.85.0.11' -f {known} and add its new key."
    )
    lost(two_hosts, message, inventory)
    assert written(two_hosts) == {"a": False, "b": True}


@pytest.fixture
def plain(two_hosts: TwoHosts) -> Iterator[TwoHosts]:
    """Host a has a user without any right to sudo, whose password is `right-one`."""
    two_hosts.on("a", "useradd -m -s /bin/sh plain && echo plain:right-one | chpasswd && mkdir ~plain/.ssh && "
                 "cp ~admin/.ssh/authorized_keys ~plain/.ssh && chown -R plain ~plain/.ssh")  # fmt: skip
    yield two_hosts
    two_hosts.on("a", "userdel -rf plain 2>&1")


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ({}, "sudo on a needs a password for plain\n  next    Set ansible_become_password in the inventory, or allow "
             "plain sudo without a password (NOPASSWD)."),
        ({"ansible_become_password": "wrong-one"}, "sudo on a does not accept the password of plain\n"
         "  next    Correct ansible_become_password in the inventory."),
        ({"ansible_become_password": "right-one"}, "sudo on a refuses plain\n"
         "  next    Allow plain in its sudoers, or log in as another user."),
    ],
    ids=["no password", "wrong password", "no right"],
)  # fmt: skip
def test_a_user_who_may_not_use_sudo_is_told_why(plain: TwoHosts, password: dict[str, str], message: str) -> None:
    lost(plain, message, plain.inventory(ansible_user="plain", **password))
    assert written(plain) == {"a": False, "b": True}


def test_a_host_without_python_is_told_how_to_install_it(two_hosts: TwoHosts) -> None:
    two_hosts.on("a", "mv /usr/bin/python3 /usr/bin/python3.away")
    try:
        lost(two_hosts, "a cannot run the agent: Python is not installed, and 3.9 or newer is needed\n"
             "  next    install it: clusterbook ssh a -- sudo apt-get install -y python3 (with the same --inventory)",
             word="failed")  # fmt: skip
    finally:
        two_hosts.on("a", "mv /usr/bin/python3.away /usr/bin/python3")
    assert written(two_hosts) == {"a": False, "b": True}


def test_a_full_disk_leaves_the_old_file(two_hosts: TwoHosts) -> None:
    two_hosts.on("b", "mkdir /srv/small")
    two_hosts.on("a", "mkdir /srv/small; mount -t tmpfs -o size=128k none /srv/small; echo old > /srv/small/settings")
    try:
        output = two_hosts.run(HEAD + """\
    - name: Write much
      ansible.builtin.copy: {dest: /srv/small/settings, content: "{{ 'x' * 300000 }}", mode: "0644"}
""", expect=1)
        assert two_hosts.on("a", "ls -A /srv/small; cat /srv/small/settings") == "settings\nold"
    finally:
        two_hosts.on("a", "umount /srv/small")
    assert (
        "failed  a  Write much   play.yml:6\n  cause   /srv/small/settings: No space left on device\n  next    "
        "Make room on the file system that holds /srv/small/settings (see df -h and df -i on the host).\n"
    ) in output
    assert two_hosts.on("b", "stat -c %s /srv/small/settings") == "300000"


def test_a_full_disk_below_the_agent_is_told_before_anything_is_done(two_hosts: TwoHosts) -> None:
    two_hosts.on("a", "mkdir -p /var/lib/clusterbook && mount -t tmpfs -o size=4k none /var/lib/clusterbook && "
                 "! head -c 8192 /dev/zero > /var/lib/clusterbook/much")  # fmt: skip
    try:
        place = "/var/lib/clusterbook/agent/lock"
        lost(two_hosts, f"a cannot be worked on: {place}: No space left on device\n  next    Make room on the file "
             f"system that holds {place} (see df -h and df -i on the host).", word="failed")  # fmt: skip
    finally:
        two_hosts.on("a", "umount /var/lib/clusterbook")
    assert written(two_hosts) == {"a": False, "b": True}


def test_a_unit_whose_port_is_taken_fails_with_the_last_lines_of_its_log(two_hosts: TwoHosts) -> None:
    try:
        output = two_hosts.run(HEAD + """\
    - name: Write the unit
      ansible.builtin.copy:
        dest: /run/systemd/system/greeter.service
        content: |
          [Service]
          Type=notify
          ExecStart=/usr/bin/python3 -m http.server 22
        mode: "0644"
    - name: Start it
      ansible.builtin.systemd_service: {name: greeter, state: started}
""", "--limit", "a", expect=1)
    finally:
        two_hosts.on("a", "rm /run/systemd/system/greeter.service; systemctl daemon-reload; systemctl reset-failed")
    assert re.search(r"failed  a  Start it   play.yml:14\n  cause   'systemctl start greeter.service' failed \(exit 1, "
                     r"\d+\.\d s\): Job for greeter.service failed because the control process exited with error code.",
                     output)  # fmt: skip
    assert "\n          last lines of its log:\n" in output
    assert "\n          OSError: [Errno 98] Address already in use\n" in output
    assert "\n  next    Look at `journalctl -u greeter` on the host.\n" in output
    assert len(output.splitlines()) < 50


@contextmanager
def served(folder: Path, address: str) -> Iterator[str]:
    """A folder over HTTP; its address."""
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer((address, 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://{address}:{server.server_address[1]}"
        finally:
            server.shutdown()


def test_wrong_bytes_of_a_mirror_are_not_installed(two_hosts: TwoHosts) -> None:
    (two_hosts.folder / "program").write_bytes(b"evil")
    found, wanted = (hashlib.sha256(data).hexdigest() for data in (b"evil", b"good"))
    with served(two_hosts.folder, two_hosts.spec.gateway) as url:
        output = two_hosts.run(HEAD + f"""\
    - name: Get it
      ansible.builtin.get_url: {{url: {url}/program, dest: /srv/program, mode: "0755", checksum: "sha256:{wanted}"}}
""", "--limit", "a", expect=1)
    assert output == (
        "play  Work  (1 host)\nfailed  a  Get it   play.yml:6\n"
        f"  cause   {url}/program has sha256 {found}, wanted {wanted}; it was not kept\n"
        "  next    Correct the checksum, or find out who changed the file at that address.\n"
        "1 host: 1 failed.\n"
    )
    assert two_hosts.on("a", "ls -A /srv") == ""


BASE = """\
- name: Work
  hosts: all
  become: true
  vars:
    {is_node: true, apt_proxy: "", package_mirror: {}, kubernetes_version: 1.37.2,
     artifacts: {kubelet: {version: 1.36.1}}}
  roles: [base]
"""


def test_an_operating_system_that_is_not_supported_is_refused_before_anything_is_changed(two_hosts: TwoHosts) -> None:
    (two_hosts.folder / "roles").symlink_to(ROOT / "roles")
    two_hosts.on("a", "cp -p /etc/debian_version /etc/debian_version.kept; echo 11.9 > /etc/debian_version")
    try:
        output = two_hosts.run(BASE, "--limit", "a", expect=1)
    finally:
        two_hosts.on("a", "mv /etc/debian_version.kept /etc/debian_version")
    assert output == (
        "play  Work  (1 host)\n"
        "failed  a  base | Check that the operating system is supported   "
        f"{ROOT / 'roles/base/tasks/check.yml'}:1\n"
        "  cause   a runs Debian 11; supported are Debian 12, Debian 13. Nothing was changed. "
        "Set the host up with one of these, or take it out of the inventory\n"
        f"  next    {AGAIN}\n1 host: 1 failed.\n"
    )


def test_binaries_of_another_kubernetes_are_refused_before_anything_is_changed(two_hosts: TwoHosts) -> None:
    (two_hosts.folder / "roles").symlink_to(ROOT / "roles")
    output = two_hosts.run(BASE, "--limit", "b", expect=1)
    assert (
        "  cause   the cluster wants Kubernetes 1.37.2, but the binaries that hosts are told of are 1.36.1. "
        "Nothing was changed. Supply 1.37.2, or correct kubernetes_version in cluster.yaml\n"
    ) in output
    assert "~ " not in output


def test_a_host_with_another_kubernetes_is_not_brought_to_the_wanted_one_as_a_side_effect(two_hosts: TwoHosts) -> None:
    (two_hosts.folder / "roles").symlink_to(ROOT / "roles")
    program = "/usr/local/bin/kubelet"
    two_hosts.on("b", f"echo '#!/bin/sh\necho Kubernetes v1.36.3' > {program}; chmod 755 {program}")
    try:
        output = two_hosts.run(BASE.replace("1.36.1", "1.37.2"), "--limit", "b", expect=1)
    finally:
        two_hosts.on("b", f"rm {program}")
    assert (
        "  cause   b has Kubernetes v1.36.3, and the cluster wants 1.37.2. Nothing was changed. "
        "Bring it there in turn: clusterbook upgrade --to VERSION; or correct kubernetes_version\n"
    ) in output
    assert "~ " not in output


CHECKS, PORTS = ROOT / "roles/base/tasks/check.yml", "Check that nobody else has a port that the cluster needs"


def test_a_port_of_the_cluster_that_another_program_has_is_told_before_anything_is_changed(two_hosts: TwoHosts) -> None:
    (two_hosts.folder / "roles").symlink_to(ROOT / "roles")
    wants = "is_node: true, base_listeners: {10250: [kubelet]}"
    play = BASE.replace("1.36.1", "1.37.2").replace("is_node: true", wants)
    two_hosts.on("a", "systemd-run --quiet --unit other python3 -m http.server 10250")
    try:
        pid = two_hosts.on("a", "systemctl show other --property MainPID --value")
        output = two_hosts.run(play, "--limit", "a", expect=1)
    finally:
        two_hosts.on("a", "systemctl stop other")
    assert output == (
        "play  Work  (1 host)\n"
        f"failed  a  base | {PORTS}   "
        f"{CHECKS}:{CHECKS.read_text().splitlines().index(f'- name: {PORTS}') + 1}\n"
        "  item    port 10250\n"
        f"  cause   port 10250 of a is taken by python3 (pid {pid}), and kubelet needs it. Nothing was changed. "
        "Stop that program, or take the host out of the inventory\n"
        f"  next    {AGAIN}\n1 host: 1 failed.\n"
    )


def test_a_failed_host_stops_at_its_step_and_the_other_host_goes_on(two_hosts: TwoHosts) -> None:
    play = HEAD + "    - name: Fail on a\n      ansible.builtin.command: 'false'\n" + \
        "      when: inventory_hostname == 'a'\n" + WRITE.removeprefix(HEAD)  # fmt: skip
    output = two_hosts.run(play, expect=1)
    assert (
        "failed  a  Fail on a   play.yml:6\n  cause   it said nothing\n  ran     false\n  exit    1\n"
        f"  next    {AGAIN}\n"
    ) in output
    assert output.endswith("\n2 hosts: 1 failed, 1 changed.\n")
    assert written(two_hosts) == {"a": False, "b": True}


def test_a_failed_batch_keeps_the_next_one_from_starting(two_hosts: TwoHosts) -> None:
    play = HEAD.replace("  tasks", "  serial: 1\n  tasks") + \
        "    - name: Fail on a\n      ansible.builtin.command: 'false'\n" + WRITE.removeprefix(HEAD)  # fmt: skip
    output = two_hosts.run(play, expect=1)
    assert output.endswith(
        "stopped: too many hosts failed, so the batches after this one did not start\n1 host: 1 failed.\n"
    )
    assert written(two_hosts) == {"a": False, "b": False}


def wait_until_it_waits(hosts: TwoHosts) -> None:
    """Until host a is in the middle of the step that WAIT writes."""
    for _ in range(240):
        if hosts.on("a", "ls -A /srv") == "waiting":
            return
        time.sleep(0.5)
    pytest.fail("the step did not start")


def test_a_second_run_on_a_host_is_told_who_holds_it(two_hosts: TwoHosts) -> None:
    first = two_hosts.start(HEAD + WAIT, "--limit", "a", "--json")
    try:
        wait_until_it_waits(two_hosts)
        output = two_hosts.run(WRITE, expect=1)
    finally:
        two_hosts.on("a", "touch /srv/go")
        rest = first.communicate(timeout=120)
    assert first.returncode == 0, rest
    assert re.search(r"failed  a  a is in use by run \S+ of root on \S+, since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\n"
                     r"  next    wait until that run has ended, or end it, then run the same command again\n",
                     output), output  # fmt: skip
    assert written(two_hosts) == {"a": False, "b": True}


def test_ctrl_c_ends_the_step_frees_the_host_and_the_same_command_goes_on(two_hosts: TwoHosts) -> None:
    play = HEAD + WAIT + WRITE.removeprefix(HEAD)
    process = two_hosts.start(play, "--limit", "a", "--json")
    wait_until_it_waits(two_hosts)
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    events = (json.loads(line) for line in process.stdout)
    said = next(event["message"] for event in events if event["type"] == "interrupt")
    assert said == "each host ends its current step; press Ctrl-C again not to wait for that"
    two_hosts.on("a", "touch /srv/go")
    rest = process.communicate(timeout=120)
    assert process.returncode == 130, rest
    assert two_hosts.on("a", "ls -A /srv") == "go\nwaiting"
    two_hosts.run(play, "--limit", "a")
    assert two_hosts.on("a", "ls -A /srv") == "go\nwaiting\nwritten"


SECRETS = ("inventory-7ghk2", "extra-vars-93jd8")
HIDING = HEAD + """\
    - name: Write secrets
      ansible.builtin.copy: {dest: /srv/secrets, content: "{{ token }} {{ extra }}", mode: "0600"}
      no_log: true
    - name: Write a secret of the cluster
      ansible.builtin.copy: {dest: /srv/cluster-secret, content: "{{ NAME }}", mode: "0600"}
    - name: List processes
      ansible.builtin.shell: ps axwwe > /srv/processes
    - name: Fail with a secret
      ansible.builtin.command: "false {{ token }} {{ extra }}"
      no_log: true
"""


@pytest.mark.parametrize("form", ["--verbose", "--json"])
def test_secrets_stay_in_the_steps_that_use_them(two_hosts: TwoHosts, form: str) -> None:
    store = two_hosts.folder / "store"
    settings = {"CLUSTERBOOK_STATE_STORE": f"file://{store}", "CLUSTERBOOK_STORE_PASSPHRASE": "only for this test"}
    cluster = ensure_cluster(open_store(settings), "hosts", {"api_address": "10.85.0.10"}, settings)
    kept = ensure_secrets(cluster)
    name = kept.names()[0]
    (two_hosts.folder / "extra.yml").write_text(f"extra: {SECRETS[1]}\n")
    words = ("--extra-vars", "@extra.yml", "--limit", "a", "--diff", form)
    process = two_hosts.start(HIDING.replace("NAME", name), *words, hosts=two_hosts.inventory(token=SECRETS[0]))
    output = "".join(process.communicate(timeout=300))
    assert process.returncode == 1, output
    secrets = (*SECRETS, kept.value(name))
    assert two_hosts.on("a", "cat /srv/secrets") == " ".join(SECRETS)
    assert two_hosts.on("a", "cat /srv/cluster-secret") == secrets[2]
    assert "hidden" in output
    runs = "".join(path.read_text() for path in store.rglob("*.jsonl"))
    assert "Fail with a secret" in runs
    assert [secret for secret in secrets if secret in output or secret in runs] == []
    places = "/srv /etc /tmp /var/tmp /run /var/log /var/lib/clusterbook /home /root"
    (two_hosts.folder / "patterns").write_text("\n".join(secrets))
    patterns = " ".join(f"-e '[{secret[0]}]{secret[1:]}'" for secret in secrets)
    found = two_hosts.on("a", f"grep -rlsa {patterns} {places} || true").splitlines()
    assert sorted(found) == ["/srv/cluster-secret", "/srv/secrets"]
