"""Users, groups and packages; those that change this machine's accounts remove them again."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusterbook.modules import apt, registry
from clusterbook.modules.contract import Change, ModuleFailed
from clusterbook.modules.parameters import coerce
from clusterbook.modules.system import System
from clusterbook.modules.system.commands import Completed
from clusterbook.modules.system.packages import Packages, parse_status
from tests.unit.modules.conftest import Do

STATUS = """Package: one
Status: install ok installed
Version: 1.0-1
Architecture: amd64
Provides: virtual (= 1), other
Description: text
 Version: not this one

Package: two
Status: deinstall ok config-files
Version: 2.0
Architecture: all

Package: three
Status: hold ok installed
Version: 1:3.1+b2
Architecture: amd64
"""


@pytest.fixture
def name(do: Do) -> Iterator[str]:
    """A name that no account has; accounts of this name are removed afterwards."""
    if os.geteuid() != 0:
        pytest.skip("accounts can only be changed by root")
    found = f"cbtest{os.getpid()}"
    yield found
    do("user", name=found, state="absent", remove=True)
    do("group", name=found, state="absent")


def test_the_main_group_of_a_user_is_not_removed_and_that_is_foretold(do: Do, plan: Do, name: str) -> None:
    do("group", name=name)
    do("user", name=name, group=name, create_home=False)
    for act in (plan, do):
        refused = act("group", name=name, state="absent")
        assert refused.failed and refused.message == f"group {name} cannot go: it is the main group of {name}"
    assert do("user", name=name, state="absent").changed


def test_a_user_is_made_changed_and_removed(do: Do, name: str, place: Path) -> None:
    assert do("group", name=name, system=True).changed and not do("group", name=name, system=True).changed
    arguments = {"name": name, "group": name, "system": True, "shell": "/usr/sbin/nologin", "home": str(place / "home"),
                 "create_home": False}
    assert do("user", **arguments).changed
    assert not do("user", **arguments).changed
    assert pwd.getpwnam(name).pw_shell == "/usr/sbin/nologin" and not (place / "home").exists()
    changed = do("user", **{**arguments, "comment": "Some One", "groups": ["adm"], "append": True})
    assert changed.changes == (Change("comment", "", "Some One"), Change("groups", "", "adm"))
    assert do("user", name=name, state="absent").changed and not do("user", name=name, state="absent").changed


def test_the_key_of_a_user_is_told_as_its_public_line_and_its_fingerprint(do: Do, name: str, place: Path) -> None:
    arguments = {"name": name, "home": str(place / "home"), "generate_ssh_key": True, "ssh_key_type": "ed25519",
                 "ssh_key_comment": "of a test"}  # fmt: skip
    made = do("user", **arguments)
    path = place / "home" / ".ssh" / "id_ed25519"
    assert made.changed and made.values["ssh_key_file"] == str(path)
    assert made.values["ssh_public_key"] == path.with_suffix(".pub").read_text().strip()
    assert re.fullmatch(r"256 SHA256:\S{43} of a test \(ED25519\)", made.values["ssh_fingerprint"])
    again = do("user", **arguments)
    assert not again.changed and again.values["ssh_fingerprint"] == made.values["ssh_fingerprint"]
    path.with_suffix(".pub").unlink()
    assert do("user", **arguments).values["ssh_public_key"] is None
    assert "ssh_public_key" not in do("user", name=name).values


def test_a_home_that_is_made_later_is_like_one_of_a_new_user(do: Do, name: str, place: Path) -> None:
    skeleton = place / "skeleton"
    (skeleton / "inner").mkdir(parents=True)
    (skeleton / "inner/file").write_text("x")
    arguments = {"name": name, "skeleton": str(skeleton)}
    assert do("user", **arguments, home=str(place / "first")).changed
    assert do("user", **arguments, home=str(place / "second")).changed
    first, second = (
        [(path.relative_to(home), path.stat().st_mode, path.stat().st_uid) for path in [home, *sorted(home.rglob("*"))]]
        for home in (place / "first", place / "second"))
    assert first == second and len(first) == 3


def test_a_password_is_never_shown(do: Do, name: str) -> None:
    assert do("user", name=name, create_home=False, password="$6$a$b").changed
    outcome = do("user", name=name, create_home=False, password="$6$c$d")
    assert outcome.changes == (Change("password", "(hidden)", "(hidden)"),)
    assert "$6$" not in str(outcome.values)
    assert not do("user", name=name, create_home=False, password="$6$e$f", update_password="on_create").changed


def test_dpkgs_own_file_tells_what_is_installed(tmp_path: Path) -> None:
    path = tmp_path / "status"
    path.write_text(STATUS)
    host = System()
    packages = Packages(host.execute, host.query, str(path))
    one = packages.installed("one")
    assert one is not None and one.version == "1.0-1"
    assert packages.installed("virtual") == one and packages.installed("one:amd64") == one
    assert packages.installed("two") is None and packages.known("two") is not None
    assert parse_status(STATUS)["three"].held


@pytest.mark.parametrize(
    ("arguments", "differing"),
    [
        ({"name": ["one", "three"]}, []),
        ({"name": "one=1.0*"}, []),
        ({"name": "one=2.0"}, [("one=2.0", "one", "1.0-1", "2.0")]),
        ({"name": "two"}, [("two", "two", None, "")]),
        ({"name": ["two", "one"], "state": "absent"}, [("one", "one", "1.0-1", None)]),
        ({"name": "two", "state": "absent", "purge": True}, [("two", "two", "2.0", None)]),
        ({"name": "t*", "state": "absent"}, [("three", "three", "1:3.1+b2", None)]),
        ({"name": "four", "only_upgrade": True}, []),
    ],
)
def test_packages_that_are_not_as_wanted(tmp_path: Path, arguments: dict[str, object], differing: list[object]) -> None:
    (tmp_path / "status").write_text(STATUS)
    host = System()
    host.packages = Packages(host.execute, host.query, str(tmp_path / "status"))
    ready = coerce(registry.specification("ansible.builtin.apt"), arguments)
    assert apt.package_changes(ready, host) == differing


def test_package_passes_on_what_the_hosts_manager_takes() -> None:
    from clusterbook.modules import package

    def given(**options: object) -> dict[str, object]:
        name = "ansible.builtin.package"
        return package.complete(coerce(registry.specification(name), {"name": "one", "state": "removed", **options}))

    found = given(use="apt", purge="yes", **{"install-recommends": False})
    assert [found[key] for key in ("purge", "install_recommends", "state")] == [True, False, "absent"]
    assert found["lock_timeout"] == 60 and given(use="dnf")["lock_timeout"] == 30 and not given(use="apt")["purge"]
    with pytest.raises(ModuleFailed, match=r"\(ansible.legacy.dnf\) module: purge"):
        given(use="dnf", purge=True)


def test_an_installed_package_needs_nothing(do: Do) -> None:
    assert not do("apt", name="dpkg", state="present", update_cache=True).changed
    assert not do("package", name="dpkg", state="present").changed
    assert do("package_facts").values["ansible_facts"]["packages"]["dpkg"][0]["source"] == "apt"


def test_the_name_service_is_read(do: Do) -> None:
    facts = do("getent", database="passwd", key="root").values["ansible_facts"]
    assert facts["getent_passwd"]["root"][1] == "0"
    assert do("getent", database="passwd", key="no-such").message == "getent passwd: no-such is not in the database"


def test_facts_have_the_names_that_playbooks_use(do: Do) -> None:
    facts = do("setup").values["ansible_facts"]
    for name in ("distribution", "distribution_major_version", "os_family", "kernel", "architecture", "hostname",
                 "fqdn", "nodename", "memtotal_mb", "processor_vcpus",
                 "interfaces", "all_ipv4_addresses", "service_mgr",
                 "pkg_mgr", "python_version", "date_time", "env", "user_id", "mounts", "selinux", "default_ipv4"):
        assert f"ansible_{name}" in facts
    assert facts["ansible_os_family"] == "Debian" and facts["ansible_lo"]["ipv4"]["address"] == "127.0.0.1"


def test_facts_are_limited_by_subset_and_filter(do: Do) -> None:
    few = do("setup", gather_subset=["!all", "!min", "network"]).values["ansible_facts"]
    assert "ansible_interfaces" in few and "ansible_kernel" not in few and "ansible_memtotal_mb" not in few
    some = do("setup", filter=["distribution*"]).values["ansible_facts"]
    assert set(some) and all(name.startswith("ansible_distribution") for name in some)
    assert do("setup", gather_subset=["nothing"]).failed


def test_ansibles_further_words_for_facts_are_understood(do: Do) -> None:
    words = ["!all", "!min", "distribution_version", "is_chroot", "!iscsi", "user_id"]
    few = do("setup", gather_subset=words).values["ansible_facts"]
    assert {"ansible_distribution_version", "ansible_user_id"} <= set(few) and "ansible_kernel" not in few
    assert few["ansible_is_chroot"] is False


def test_the_hosts_own_facts_are_read(do: Do, place: Path) -> None:
    (place / "a.fact").write_text('{"x": [1]}')
    (place / "b.fact").write_text("[s]\nk = v\n")
    local = do("setup", fact_path=str(place), gather_subset="min").values["ansible_facts"]["ansible_local"]
    assert local == {"a": {"x": [1]}, "b": {"s": {"k": "v"}}}


def test_a_local_fact_that_cannot_be_had_says_why(do: Do, place: Path) -> None:
    (place / "a.fact").write_text("#!/bin/sh\nexit 3\n")
    (place / "a.fact").chmod(0o755)
    (place / "b.fact").symlink_to("nowhere")
    (place / "c.fact").write_text("[s]\nk = %(no)s\n")
    (place / "d.fact").write_text("neither\n")
    local = do("setup", fact_path=str(place), gather_subset="min").values["ansible_facts"]["ansible_local"]
    assert local["a"] == f"Failure executing fact script ({place}/a.fact), rc: 3, err: "
    assert local["b"].startswith("Could not stat fact") and local["c"].startswith("error loading facts as ini")
    assert local["d"].startswith("error loading facts as JSON or ini")


def test_a_password_lasts_as_long_as_wanted(do: Do, name: str) -> None:
    ages = {"password_expire_max": 90, "password_expire_min": 1, "password_expire_account_disable": 5}
    assert do("user", name=name, create_home=False, **ages).changed
    assert not do("user", name=name, create_home=False, **ages).changed
    outcome = do("user", name=name, create_home=False, password_expire_warn=14)
    assert outcome.changes == (Change("password_expire_warn", 7, 14),)
    assert do("user", name=name, create_home=False, password_expire_max=-1).changed
    assert not do("user", name=name, create_home=False, password_expire_max=-1).changed


def test_a_home_that_moves_is_not_made_anew(do: Do, name: str, place: Path) -> None:
    assert do("user", name=name, home=str(place / "one")).changed
    outcome = do("user", name=name, home=str(place / "two"), move_home=True)
    assert outcome.changed and not outcome.failed, outcome.message
    assert (place / "two").is_dir() and not (place / "one").exists()


@pytest.mark.parametrize(("told", "changes"), [("", []), ("Del tree 2.1-1 [50.1 kB]\n", ["tree 2.1-1"])])
def test_old_package_files_are_a_change_only_where_there_are_some(
    monkeypatch: pytest.MonkeyPatch, told: str, changes: list[str]
) -> None:
    system = System()
    monkeypatch.setattr(system, "query", lambda argv, **options: Completed(tuple(argv), 0, told, "", 0, 0))
    arguments = coerce(registry.specification("ansible.builtin.apt"), {"autoclean": True})
    found = apt.observe(arguments, system)
    assert [change.before for change in apt.diff(arguments, found)] == changes
