"""Every module on a real host: foretold, done, done already, and seen there."""

from __future__ import annotations

import base64
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from clusterbook.lab.spec import LabSpec
from clusterbook.modules import registry

if TYPE_CHECKING:
    from tests.lab.conftest import TwoHosts

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43
UNIT = "[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\n"
WEB = "http://127.0.0.1:8099"
ACTS, READS = ("changed", "changed", "changed"), ("ok", "ok", "ok")
# What other distributions, other commands of this project and other tests of the lab prove.
ELSEWHERE = {
    "ansible.builtin.dnf", "ansible.builtin.dnf5", "ansible.builtin.yum", "ansible.builtin.yum_repository",
    "ansible.builtin.rpm_key", "ansible.builtin.apt_key", "ansible.builtin.reboot", "certificate",
    "ansible.builtin.gather_facts", "ansible.builtin.systemd_service",
}


@dataclass(frozen=True)
class Row:
    """One task. proof: a command of root that succeeds on the host afterwards; told: by check mode, first, again."""

    module: str
    arguments: Any
    proof: str = "true"
    told: tuple[str, str, str] = ("changed", "changed", "ok")
    words: Mapping[str, Any] = field(default_factory=dict)


def row(
    module: str, proof: str = "true", told: tuple[str, str, str] = ("changed", "changed", "ok"), **arguments: Any
) -> Row:
    """A row whose task has no keywords."""
    return Row(module, arguments, proof, told)


ROWS = (
    row("stat", told=READS, path="/etc/passwd"), row("find", told=READS, paths="/etc", patterns="pass*"),
    row("slurp", told=READS, src="/etc/hostname"), row("getent", told=READS, database="passwd", key="root"),
    row("ping", told=READS), row("setup", told=READS, gather_subset=["!all"]), row("service_facts", told=READS),
    row("package_facts", told=READS), row("mount_facts", told=READS), row("listen_ports_facts", told=READS),
    row("group", "getent group law | grep -q :4321:", name="law", gid=4321),
    row("user", "getent passwd law | grep -q :/bin/sh && id -nG law | grep -q games", name="law", group="law",
        groups=["games"], shell="/bin/sh"),
    row("authorized_key", "grep -q ^ssh-ed25519 ~law/.ssh/authorized_keys", user="law", key=KEY),
    row("known_hosts", "ssh-keygen -F law.example", name="law.example", key=f"law.example {KEY}"),
    row("file", "test -d /srv/d && stat -c %a /srv/d | grep -qx 750", path="/srv/d", state="directory", mode="0750"),
    row("copy", "grep -q ExecStart /etc/systemd/system/law.service", content=UNIT, mode="0644",
        dest="/etc/systemd/system/law.service"),
    row("systemd", "systemctl is-active law && systemctl is-enabled law", name="law", state="started", enabled=True),
    row("service", "! systemctl is-active cron", name="cron", state="stopped", enabled=False),
    row("sysvinit", "test -e /run/lawinit", name="lawinit", state="started"),
    row("cron", "crontab -l | grep -q /bin/true", name="law", minute="5", job="/bin/true"),
    row("mount", "findmnt -n /mnt/law && grep -q /mnt/law /etc/fstab", path="/mnt/law", src="tmpfs", fstype="tmpfs",
        opts="size=1m", state="mounted"),
    row("sysctl", "grep -qx 1 /proc/sys/net/ipv4/conf/lo/log_martians", name="net.ipv4.conf.lo.log_martians", value="1",
        sysctl_file="/etc/sysctl.d/90-law.conf", sysctl_set=True),
    row("modprobe", "grep -qx overlay /etc/modules-load.d/overlay.conf", name="overlay", persistent="present"),
    row("iptables", "iptables -C INPUT -p tcp --dport 4321 -j ACCEPT", chain="INPUT", protocol="tcp",
        destination_port="4321", jump="ACCEPT"),
    row("apt", "dpkg -s tree | grep -q 'install ok installed'", name="tree"),
    row("package", "pv --version", name="pv", state="present"),
    row("dpkg_selections", "dpkg --get-selections nano | grep -q hold", name="nano", selection="hold"),
    row("debconf", "debconf-show tzdata | grep -q 'Areas: Asia'", name="tzdata", question="tzdata/Areas",
        vtype="select", value="Asia"),
    row("apt_repository", "grep -q law.example /etc/apt/sources.list.d/law.list", filename="law", update_cache=False,
        repo="deb http://law.example/debian stable main"),
    row("deb822_repository", "grep -q 'Suites: ./' /etc/apt/sources.list.d/law2.sources", name="law2",
        uris="http://law.example/", suites="./", trusted=True),
    row("pip", "/srv/venv/bin/python -c 'import lawpack'", name="lawpack", virtualenv="/srv/venv",
        virtualenv_command="python3 -m venv", extra_args="--no-index --find-links /srv/wheels"),
    row("git", "grep -qx one /srv/clone/f", repo="/srv/repository", dest="/srv/clone", version="v1"),
    row("get_url", "grep -qx page /srv/got", url=f"{WEB}/page", dest="/srv/got", mode="0644"),
    row("uri", told=("skipped", "ok", "ok"), url=f"{WEB}/page", return_content=True),
    row("wait_for", told=("skipped", "ok", "ok"), port=8099, timeout=10),
    row("wait_for_connection", told=("skipped", "ok", "ok"), timeout=10),
    row("unarchive", "grep -qx text /srv/out/f", src="pack.tar.gz", dest="/srv/out"),
    row("archive", "tar -tf /srv/d.tar.gz", path="/srv/pieces", dest="/srv/d.tar.gz"),
    row("assemble", "printf 'a\\nb\\n' | cmp - /srv/whole", src="/srv/pieces", dest="/srv/whole", mode="0644"),
    row("template", "grep -qx 'host a' /srv/templated", src="t.j2", dest="/srv/templated", mode="0644"),
    row("lineinfile", "grep -qx x=1 /srv/line", path="/srv/line", line="x=1", create=True, mode="0644"),
    row("blockinfile", "grep -qx y=2 /srv/block", path="/srv/block", block="y=2", create=True, mode="0644"),
    row("replace", "grep -qx new /srv/text", path="/srv/text", regexp="old", replace="new"),
    row("ini_file", "grep -q '^k = v' /srv/law.ini", path="/srv/law.ini", section="s", option="k", value="v",
        mode="0644"),
    row("fetch", told=("skipped", "changed", "ok"), src="/etc/machine-id", dest="fetched", flat=True),
    row("tempfile", told=ACTS, path="/srv/d"),
    Row("command", {"argv": ["touch", "/srv/c"], "creates": "/srv/c"}, "test -e /srv/c", ("changed", "changed", "ok")),
    Row("shell", {"cmd": "date > /srv/s", "creates": "/srv/s"}, "test -e /srv/s", ("changed", "changed", "ok")),
    Row("script", {"cmd": "make.sh", "creates": "/srv/made"}, "test -e /srv/made", ("changed", "changed", "skipped")),
    Row("raw", "echo raw > /srv/raw", "grep -qx raw /srv/raw", ("unknown", "changed", "changed")),
    Row("async_status", {"jid": "{{ job.ansible_job_id }}"}, "test -e /srv/job", ("unknown", "changed", "changed"),
        {"register": "state", "until": "state.finished", "retries": 50, "delay": 0.2}),
    row("hostname", "test $(hostname) = lawhost && grep -qx lawhost /etc/hostname", name="lawhost"),
)  # fmt: skip
INIT = """#!/bin/sh
### BEGIN INIT INFO
# Provides: lawinit
# Required-Start: $remote_fs
# Required-Stop: $remote_fs
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
### END INIT INFO
case $1 in start) touch /run/lawinit ;; stop) rm -f /run/lawinit ;; status) test -e /run/lawinit || exit 3 ;; esac
"""
BEFORE = f"""set -e
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install -y --no-install-recommends iptables cron kmod git python3-venv nano >/dev/null
systemctl start cron
mkdir -p /srv/pieces /srv/www /srv/out
printf 'a\\n' > /srv/pieces/1; printf 'b\\n' > /srv/pieces/2; echo old > /srv/text; echo page > /srv/www/page
printf '%s' '{INIT}' > /etc/init.d/lawinit; chmod 755 /etc/init.d/lawinit; systemctl daemon-reload
git init -q -b main /srv/repository; cd /srv/repository
git config user.name n; git config user.email n@example; echo one > f; git add f; git commit -q -m one; git tag v1
echo tzdata tzdata/Areas select Etc | debconf-set-selections
systemd-run -q --unit law-web python3 -m http.server -d /srv/www 8099
"""
AFTER = """systemctl disable -q --now law; systemctl stop law-web; systemctl enable -q --now cron; umount /mnt/law
apt-mark -q unhold nano; iptables -F INPUT; userdel -r law; groupdel law; crontab -r; rm -rf /srv/* /run/lawinit \\
  /etc/init.d/lawinit /etc/systemd/system/law.service /etc/apt/sources.list.d/law* /etc/sysctl.d/90-law.conf \\
  /etc/modules-load.d/overlay.conf /root/.ssh/known_hosts
sed -i '\\,/mnt/law,d' /etc/fstab; echo a > /etc/hostname; hostname a; DEBIAN_FRONTEND=noninteractive apt-get -qq \\
  purge -y tree pv >/dev/null; true
"""


def wheel() -> bytes:
    """A package of Python with nothing in it."""
    made, about = io.BytesIO(), "lawpack-1.0.dist-info"
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("lawpack.py", "")
        file.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: lawpack\nVersion: 1.0\n")
        file.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{about}/RECORD", f"lawpack.py,,\n{about}/METADATA,,\n{about}/WHEEL,,\n{about}/RECORD,,\n")
    return made.getvalue()


def local_files(folder: Path) -> None:
    """What tasks take from the local machine."""
    for name in ("files", "templates"):
        (folder / name).mkdir()
    (folder / "templates" / "t.j2").write_text("host {{ inventory_hostname }}\n")
    (folder / "files" / "make.sh").write_text("#!/bin/sh\ntouch /srv/made\n")
    with tarfile.open(folder / "files" / "pack.tar.gz", "w:gz") as archive:
        about = tarfile.TarInfo("f")
        about.size = 5
        archive.addfile(about, io.BytesIO(b"text\n"))


def full_name(one: Row) -> str:
    """The module's canonical name."""
    return str(registry.canonical(one.module))


def playbook() -> str:
    """A task for each row; all are tried, whatever becomes of one. JSON is YAML."""
    job = {"name": "job", "ansible.builtin.command": "touch /srv/job", "async": 30, "poll": 0, "register": "job"}
    tasks: list[dict[str, Any]] = []
    for one in ROWS:
        tasks += [job] if one.module == "async_status" else []
        tasks.append({"name": one.module, full_name(one): one.arguments, **one.words})
    play = {"name": "Every module", "hosts": "a", "become": True, "gather_facts": False, "ignore_errors": True}
    return json.dumps([{**play, "tasks": tasks}])


Told = Mapping[str, Mapping[str, Any]]


def run(hosts: TwoHosts, *words: str) -> Told:
    """One run; the result of each row."""
    output, errors = hosts.start(playbook(), "--json", *words).communicate(timeout=600)
    found = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    results = {str(event["name"]): event for event in found if event["type"] == "result"}
    assert set(results) >= {one.module for one in ROWS}, f"{output[-2000:]}\n{errors}"
    return results


@dataclass(frozen=True)
class Runs:
    """All runs in their order, and the host."""

    hosts: TwoHosts
    foretold: Told
    first: Told
    again: Told
    nothing: Told


@pytest.fixture(scope="module")
def runs(
    small_lab: LabSpec, tmp_path_factory: pytest.TempPathFactory, hosts_of: Callable[[LabSpec, Path], TwoHosts]
) -> Iterator[Runs]:
    """Foretell, do, do again, foretell again; afterwards the host is as it was."""
    hosts = hosts_of(small_lab, tmp_path_factory.mktemp("modules"))
    local_files(hosts.folder)
    hosts.on("a", AFTER)  # what other tests and runs left
    hosts.on("a", BEFORE)
    data = base64.b64encode(wheel()).decode()
    hosts.on("a", f"mkdir -p /srv/wheels; echo {data} | base64 -d > /srv/wheels/lawpack-1.0-py3-none-any.whl")
    try:
        yield Runs(hosts, run(hosts, "--check"), run(hosts), run(hosts), run(hosts, "--check"))
    finally:
        hosts.on("a", AFTER)


@pytest.mark.parametrize("one", ROWS, ids=[one.module for one in ROWS])
def test_a_module_does_on_a_host_what_it_says(runs: Runs, one: Row) -> None:
    told = [of[one.module] for of in (runs.foretold, runs.first, runs.again)]
    assert tuple("failed" if event.get("ignored") else event["status"] for event in told) == one.told, told
    if one.told[0] in ("changed", "ok") and one.told[2] == "ok":
        assert runs.nothing[one.module]["status"] == "ok", runs.nothing[one.module]
    runs.hosts.on("a", one.proof)


def test_what_check_mode_foretold_is_what_changed(runs: Runs) -> None:
    for one in ROWS:
        foretold, first = runs.foretold[one.module], runs.first[one.module]
        if one.told[0] == one.told[1] == "changed":
            names = [[change["what"] for change in event.get("changes", ())] for event in (foretold, first)]
            assert names[0] == names[1], one.module


def test_no_module_is_missing() -> None:
    modules = {name for name in registry.names() if not registry.is_flow(name)}
    assert modules - {full_name(one) for one in ROWS} - ELSEWHERE == set()
