"""Steps of every state module, generated: what the laws are proved on.

`FILES`: modules whose whole effect is below a directory; the laws run on real files there. `HOSTS`: modules that
change accounts, units, packages, rules of a host; their laws run on a real host of a lab (tests/lab/test_laws.py).
`DOUBLES`: modules of Debian's siblings, on programs that remember (rpm.py). "@/" in a value is the directory.
"""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as some

Arguments = dict[str, Any]
Steps = some.SearchStrategy[Arguments]


def nothing(root: Path) -> None:
    """No files beforehand."""


@dataclass(frozen=True)
class History:
    """How steps of a module are generated, and what is there before.

    constants: (module file, name, value) for places that the module has by itself. slow: steps start programs.
    """

    steps: Steps
    prepare: Callable[[Path], None] = nothing
    constants: tuple[tuple[str, str, str], ...] = ()
    slow: bool = False


def given(required: Mapping[str, Steps | some.SearchStrategy[Any]], **optional: some.SearchStrategy[Any]) -> Steps:
    """Arguments, some of which may be left out."""
    return some.fixed_dictionaries(dict(required), optional=optional)


def always(value: Any) -> some.SearchStrategy[Any]:
    """One value."""
    return some.just(value)


def one_of(*values: Any) -> some.SearchStrategy[Any]:
    """One of some values."""
    return some.sampled_from(values)


KEYS = tuple(f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{letter * 43} {letter}@x" for letter in "ABC")
MODE = one_of("0600", "0644", "u=rw,g=r,o=", "g+w")
WHERE = one_of("@/a", "@/b", "@/d", "@/d/x", "@/d/e/y", "@/l")
TEXT = one_of("", "x\n", "x\ny\n", "y", "# {mark}\n", "é\n")
OWNER = one_of("root", "nobody")
REPOSITORY = one_of("deb http://a.example/debian stable main", "deb [arch=amd64] http://b.example/ ./")


def pieces(root: Path) -> None:
    """A directory of pieces."""
    (root / "pieces").mkdir()
    for name in ("2-b", "1-a", "3.skip"):
        (root / "pieces" / name).write_text(f"{name}\n")


def packed(root: Path) -> None:
    """Two archives with the same names and other texts."""
    (root / "out").mkdir()
    for number in (1, 2):
        (root / "d").mkdir(exist_ok=True)
        (root / "d" / "f").write_text(f"text {number}")
        (root / "d" / f"only{number}").write_text("x")
        with tarfile.open(root / f"{number}.tar.gz", "w:gz") as archive:
            archive.add(root / "d", "d")


def repository(root: Path) -> None:
    """A git repository with two commits, of which the first is v1."""
    path = root / "repository"
    path.mkdir()
    git = ("git", "-c", "user.name=n", "-c", "user.email=n@example", "-c", "commit.gpgsign=false", "-C", str(path))
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    for text in ("one", "two"):
        (path / "f").write_text(text)
        subprocess.run([*git, "add", "f"], check=True)
        subprocess.run([*git, "commit", "-q", "-m", text], check=True)
        if text == "one":
            subprocess.run([*git, "tag", "v1"], check=True)


def texts(root: Path) -> None:
    """Files with lines, one in a directory and one behind a link."""
    (root / "d").mkdir()
    for name, text in (("a", "x\ny\nx y\n"), ("d/x", "a\ny = 0"), ("b", "")):
        (root / name).write_text(text)
    (root / "l").symlink_to("a")


def settings(root: Path) -> None:
    """Files of settings as people leave them."""
    (root / "ini").write_text("[a]\nx = 1\n# y = 2\n\n[b]\nx=1\n")
    (root / "fstab").write_text("# mine\n/dev/a /mnt/a ext4 defaults 0 0\n")
    (root / "sysctl").write_text("# mine\nkernel.x=1\n#vm.y=2\n")
    (root / "sources.list.d").mkdir()
    (root / "keyrings").mkdir()


APT = (("apt_sources", "DIRECTORY", "@/sources.list.d"), ("apt_repository", "MAIN", "@/sources.list"),
       ("deb822_repository", "KEYRINGS", "@/keyrings"))  # fmt: skip

FILES: Mapping[str, History] = {
    "ansible.builtin.file": History(some.one_of(
        given({"path": WHERE, "state": one_of("directory", "absent", "file")}, mode=MODE, owner=OWNER,
              recurse=some.booleans()),
        given({"path": WHERE, "src": WHERE, "state": one_of("link", "hard")}, force=some.booleans()),
    )),
    "ansible.builtin.copy": History(
        given({"dest": WHERE, "content": TEXT}, mode=MODE, owner=OWNER, force=some.booleans())),
    "ansible.builtin.template": History(
        given({"src": always("t.j2"), "dest": WHERE, "_content": TEXT}, mode=MODE, owner=OWNER, force=some.booleans())),
    # A line that its own pattern does not match, and a replacement that the pattern matches again, are no states: each
    # run changes the next match, in Ansible as here.
    "ansible.builtin.lineinfile": History(some.one_of(
        *(given({"path": WHERE, "line": always(line)}, create=some.booleans(), mode=MODE, regexp=one_of(*patterns),
                insertafter=one_of("EOF", "x"), firstmatch=some.booleans())
          for line, patterns in (("x", ("^x", "x$")), ("y = 1", ("^y", "y")))),
        given({"path": WHERE, "state": always("absent"), "regexp": one_of("x", "^y")}),
    ), texts),
    "ansible.builtin.blockinfile": History(given(
        {"path": WHERE, "block": TEXT}, create=some.booleans(), mode=MODE, state=one_of("present", "absent"),
        insertbefore=one_of("BOF", "x"), append_newline=some.booleans(), prepend_newline=some.booleans()), texts),
    "ansible.builtin.replace": History(some.one_of(
        given({"path": WHERE, "regexp": one_of("x", "nothing"), "replace": one_of("", "z")}, mode=MODE),
        given({"path": WHERE, "regexp": always("^(.)$"), "replace": one_of("", "z", r"[\g<0>]")}, mode=MODE),
    ), texts),
    "ansible.builtin.assemble": History(
        given({"src": always("@/pieces"), "dest": one_of("@/a", "@/b")}, regexp=one_of("^[12]", "a$"),
              delimiter=one_of("--", "#\n"), mode=MODE), pieces),
    "community.general.ini_file": History(
        given({"path": one_of("@/ini", "@/new"), "section": one_of("a", "b", "c"), "option": one_of("x", "y"),
               "value": one_of("1", "2")}, state=one_of("present", "absent"), no_extra_spaces=some.booleans(),
              mode=MODE, exclusive=some.booleans()), settings),
    "ansible.builtin.known_hosts": History(some.one_of(
        given({"path": always("@/known"), "name": one_of("h", "g"), "key": one_of(*(f"h,g {key}" for key in KEYS))}),
        given({"path": always("@/known"), "name": one_of("h", "g"), "state": always("absent")}), )),
    "ansible.posix.authorized_key": History(given(
        {"user": always("root"), "path": always("@/keys"), "manage_dir": always(False), "key": one_of(*KEYS)},
        state=one_of("present", "absent"), exclusive=some.booleans(), key_options=one_of("no-pty", 'command="a b"'))),
    "ansible.posix.mount": History(
        given({"path": one_of("/mnt/a", "/mnt/b"), "src": one_of("/dev/a", "/dev/b"), "fstype": one_of("ext4", "xfs"),
               "fstab": always("@/fstab"), "state": one_of("present", "absent_from_fstab")},
              opts=one_of("ro", "noauto")), settings),
    "ansible.posix.sysctl": History(
        given({"name": one_of("vm.y", "kernel.x"), "value": one_of("1", "2"), "sysctl_file": always("@/sysctl"),
               "reload": always(False)}, state=one_of("present", "absent")), settings),
    "ansible.builtin.apt_repository": History(
        given({"repo": REPOSITORY, "update_cache": always(False)}, state=one_of("present", "absent"), mode=MODE,
              filename=one_of("mine")), settings, APT),
    "ansible.builtin.deb822_repository": History(
        given({"name": one_of("r", "s"), "uris": one_of("http://a.example", "http://b.example"),
               "suites": one_of("stable", ["x", "y"]), "components": always("main")},
              state=one_of("present", "absent"), enabled=some.booleans(), mode=MODE), settings, APT),
    "ansible.builtin.yum_repository": History(
        given({"name": one_of("r", "s"), "description": one_of("d", "e"), "baseurl": always("http://a.example"),
               "reposdir": always("@/")}, file=one_of("f"), state=one_of("present", "absent"), mode=MODE,
              gpgcheck=some.booleans())),
    "ansible.builtin.unarchive": History(
        given({"src": one_of("@/1.tar.gz", "@/2.tar.gz"), "dest": always("@/out"), "remote_src": always(True)},
              mode=one_of("0600", "0755"), exclude=one_of(["d/f"])), packed, slow=True),
    "community.general.archive": History(
        given({"path": one_of("@/pieces", ["@/pieces/1-a", "@/pieces/2-b"]), "dest": one_of("@/x", "@/y")},
              format=one_of("gz", "tar", "zip"), mode=MODE), pieces, slow=True),
    "ansible.builtin.git": History(
        given({"repo": always("@/repository"), "dest": one_of("@/a", "@/b")}, version=one_of("v1", "main"),
              update=some.booleans()), repository, slow=True),
    "ansible.builtin.get_url": History(
        given({"url": one_of("file://@/pieces/1-a", "file://@/pieces/2-b"), "dest": one_of("@/a", "@/pieces/1-a")},
              mode=MODE, force=some.booleans()), pieces),
}  # fmt: skip

NAMES = one_of("lawa", "lawb")
HOSTS: Mapping[str, Steps] = {
    "ansible.builtin.group": given({"name": NAMES}, gid=one_of(3001, 3002), state=one_of("present", "absent")),
    "ansible.builtin.user": given(
        {"name": NAMES}, state=one_of("present", "absent"), shell=one_of("/bin/sh", "/bin/bash"), comment=one_of("c"),
        groups=one_of(["users"], ["adm", "users"]), append=some.booleans(), password=one_of("$6$a$b", "!"),
        remove=some.booleans(), create_home=some.booleans()),
    "ansible.builtin.cron": given(
        {"name": one_of("j", "k"), "job": one_of("true", "false")}, cron_file=always("law"), user=always("root"),
        minute=one_of("1", "*/5"), state=one_of("present", "absent"), disabled=some.booleans()),
    "ansible.builtin.hostname": given({"name": one_of("law-1", "law-2")}),
    "ansible.builtin.systemd": given(
        {"name": one_of("law.service", "law2")}, state=one_of("started", "stopped"), enabled=some.booleans(),
        masked=some.booleans(), daemon_reload=some.booleans(), force=some.booleans()),
    "ansible.builtin.service": given({"name": one_of("law", "law2")}, state=one_of("started", "stopped"),
                                     enabled=some.booleans()),
    "ansible.builtin.sysvinit": given({"name": always("lawinit")}, state=one_of("started", "stopped"),
                                      enabled=some.booleans()),
    "ansible.builtin.apt": given({"name": one_of("tree", ["tree", "pv"])}, state=one_of("present", "absent"),
                                 purge=some.booleans(), install_recommends=always(False)),
    "ansible.builtin.package": given({"name": one_of("pv", "tree")}, state=one_of("present", "absent")),
    "ansible.builtin.debconf": given({"name": always("tzdata"), "question": always("tzdata/Areas"),
                                      "vtype": always("select"), "value": one_of("Europe", "Asia")}),
    "ansible.builtin.dpkg_selections": given(
        {"name": one_of("cron", "nano", "tar"), "selection": one_of("hold", "install")}),
    "ansible.builtin.iptables": given(
        {"chain": one_of("INPUT", "OUTPUT"), "protocol": always("tcp"), "destination_port": one_of("81", "82"),
         "jump": one_of("ACCEPT", "DROP")}, state=one_of("present", "absent"), action=one_of("append", "insert")),
    "community.general.modprobe": given({"name": one_of("law_module", "law-module")}, params=one_of("a=1"),
                                        persistent=one_of("present", "absent"), state=one_of("present", "absent")),
}  # fmt: skip

# Of Debian's siblings, and what needs an authority or a key: proved with doubles of the programs.
DOUBLES: Mapping[str, Steps] = {
    "ansible.builtin.dnf": given({"name": one_of("git", ["git", "vim"], "bash")}, state=one_of("present", "absent"),
                                 install_weak_deps=some.booleans()),
    "ansible.builtin.rpm_key": given({"key": always("@/key")}, state=one_of("present", "absent")),
    "ansible.builtin.apt_key": given({"file": always("@/key"), "keyring": always("@/ring.gpg")},
                                     state=one_of("present", "absent")),
    "certificate": given(
        {"path": always("@/tls.crt"), "key_path": always("@/tls.key"), "authority": always("cluster"),
         "common_name": one_of("a", "b"), "usages": one_of(["server_auth"], ["server_auth", "client_auth"])},
        dns_names=one_of(["a.example"]), mode=one_of("0600", "0644"), organizations=one_of(["o"])),
}  # fmt: skip
