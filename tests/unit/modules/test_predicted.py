"""What a plan knows, and what it says it does not know."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from clusterbook.modules.contract import Change, Outcome
from clusterbook.modules.system.commands import Completed
from clusterbook.modules.system.predicted import PredictedSystem
from clusterbook.modules.system.units import UnitState, parse
from tests.unit.modules.conftest import Do, perform

MISSING = "clusterbook-no-such-package"


def test_what_a_pending_package_owns_is_unknown(plan: Do) -> None:
    assert plan("apt", name=MISSING, update_cache=True).changed
    outcome = plan("file", path="/etc/no-such-directory", state="absent")
    assert outcome == Outcome(
        unknown=True, message=f"package {MISSING} is not installed yet", values={
            "changed": False, "failed": False, "msg": f"package {MISSING} is not installed yet"})


def knows_no_package(system: PredictedSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its apt has lists, in which nothing is."""
    monkeypatch.setattr("clusterbook.modules.apt.cache_time", lambda system: 1.0)

    def query(argv: Sequence[str], **options: object) -> Completed:
        assert argv[:2] == ["apt-get", "-s"] and argv[-2:] == ["install", MISSING]
        return Completed(tuple(argv), 100, "", f"E: Unable to locate package {MISSING}\n", 0.0, 0.0)

    monkeypatch.setattr(system, "query", query)


def test_a_package_that_no_archive_has_is_a_failure(
    predicted: PredictedSystem, plan: Do, monkeypatch: pytest.MonkeyPatch
) -> None:
    knows_no_package(predicted, monkeypatch)
    for module in ("apt", "package"):
        outcome = plan(module, name=MISSING, state="present")
        assert outcome.failed and not outcome.changed
        assert outcome.message == f"apt has nothing to install: Unable to locate package {MISSING}"
        assert "update_cache" in outcome.next_step


def test_a_package_that_an_earlier_step_may_bring_to_the_lists_is_a_change(
    predicted: PredictedSystem, plan: Do, monkeypatch: pytest.MonkeyPatch
) -> None:
    knows_no_package(predicted, monkeypatch)
    assert plan("apt", name=MISSING, update_cache=True).changed
    fresh = PredictedSystem()
    knows_no_package(fresh, monkeypatch)
    assert perform("command", {"cmd": "apt-get update"}, fresh, True).skipped
    assert perform("apt", {"name": MISSING}, fresh, True).changed
    later = PredictedSystem()
    knows_no_package(later, monkeypatch)
    assert perform("apt", {"update_cache": True}, later, True).changed
    assert perform("apt", {"name": MISSING}, later, True).changed


def test_a_kernel_module_that_is_nowhere_fails_unless_a_package_may_bring_it(plan: Do) -> None:
    outcome = plan("modprobe", name="cb_no_such_module")
    assert outcome.failed and outcome.message.startswith("modprobe cb_no_such_module failed: ")
    plan("apt", name=MISSING, update_cache=True)
    outcome = plan("modprobe", name="cb_no_such_module")
    assert outcome.unknown and outcome.message.startswith("kernel module cb_no_such_module is not there: package ")


def test_a_kernel_module_that_others_use_is_not_unloaded(predicted: PredictedSystem, plan: Do) -> None:
    predicted.files.write("/proc/modules", b"cb_used 16384 2 cb_other,cb_third, Live 0x0\ncb_free 16384 0 - Live 0x0\n")
    outcome = plan("modprobe", name="cb-used", state="absent")
    assert outcome.message == "modprobe -r cb-used would fail: the module is in use by cb_other, cb_third"
    assert plan("modprobe", name="cb-free", state="absent").changed


def test_a_file_that_a_pending_package_may_bring_is_a_change_when_it_is_written(plan: Do) -> None:
    plan("apt", name=MISSING, update_cache=True)
    assert plan("copy", dest="/etc/no-such-file.conf", content="x").changed


def test_an_owner_that_a_pending_package_may_bring_is_unknown_and_no_failure(plan: Do, place: Path) -> None:
    assert plan("file", path=str(place), owner="no-such-user").failed
    plan("apt", name=MISSING, update_cache=True)
    outcome = plan("file", path=str(place), owner="no-such-user")
    assert outcome.unknown and not outcome.failed


def test_a_user_of_an_earlier_step_may_own_files(plan: Do, place: Path) -> None:
    assert plan("group", name="cb-predicted").changed
    assert plan("user", name="cb-predicted", group="cb-predicted").changed
    assert plan("group", name="cb-predicted", state="absent").failed
    first = plan("file", path=str(place), owner="cb-predicted", group="cb-predicted")
    assert [change.what for change in first.changes] == ["owner", "group"]
    assert not plan("file", path=str(place), owner="cb-predicted", group="cb-predicted").changed
    assert plan("user", name="cb-predicted", state="absent").changed
    assert plan("file", path=str(place), owner="cb-predicted").failed


def test_a_hard_link_to_a_directory_of_an_earlier_step_fails_as_it_will(plan: Do, place: Path) -> None:
    assert plan("file", path=str(place / "one"), state="directory").changed
    assert plan("file", path=str(place / "two"), src=str(place / "one"), state="hard").failed


def test_a_unit_file_of_an_earlier_step_makes_a_unit(predicted: PredictedSystem, plan: Do) -> None:
    class NoUnits:
        """Answers as systemd does for a unit that it does not know."""

        stdout, stderr, returncode = "LoadState=not-found\nActiveState=inactive\nSubState=dead\n", "", 0

    predicted.units.query = lambda argv: NoUnits()  # type: ignore[assignment, return-value]
    text = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"
    assert plan("systemd", name="cb-none", state="started").failed
    plan("copy", dest="/etc/systemd/system/cb-none.service", content=text)
    outcome = plan("systemd", name="cb-none", state="started", enabled=True)
    assert outcome.changes == (Change("enabled", False, True), Change("state", "inactive", "started"))
    assert not plan("systemd", name="cb-none", state="started", enabled=True).changed
    masked = plan("systemd", name="cb-none", masked=True)
    assert masked.failed
    assert masked.message == (
        "cb-none.service cannot be masked: /etc/systemd/system/cb-none.service is in the place of the mask")
    plan("file", path="/etc/systemd/system/cb-none.service", state="absent")
    assert plan("systemd", name="cb-none", masked=True, state="stopped").changed
    refused = plan("systemd", name="cb-none", state="started")
    assert refused.failed and refused.message == "cb-none.service is masked, so it cannot be started"
    refused = plan("systemd", name="cb-none", enabled=True)
    assert refused.failed and refused.message == "cb-none.service is masked, so it cannot be enabled"
    assert plan("systemd", name="cb-none", state="started", masked=False).changed


def test_a_predicted_directory_is_empty_and_a_removed_one_too(plan: Do, place: Path) -> None:
    (place / "d").mkdir()
    (place / "d/f").touch()
    plan("file", path=str(place / "d"), state="absent")
    plan("file", path=str(place / "d"), state="directory")
    assert plan("find", paths=str(place / "d")).values["matched"] == 0
    assert (place / "d/f").exists()


def test_links_of_earlier_steps_are_followed(plan: Do, place: Path) -> None:
    (place / "real").mkdir()
    plan("file", src=str(place / "real"), path=str(place / "link"), state="link")
    plan("copy", dest=str(place / "link/f"), content="x")
    assert not plan("copy", dest=str(place / "real/f"), content="x").changed


def test_kernel_settings_are_predicted(plan: Do, place: Path) -> None:
    arguments = {"name": "kernel.hostname", "value": "other", "sysctl_file": str(place / "s"), "sysctl_set": True}
    assert len(plan("sysctl", **arguments).changes) == 2
    assert not plan("sysctl", **arguments).changed


def test_the_output_of_systemctl_is_read_whole() -> None:
    state = parse("x", "LoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\n"
                  "NeedDaemonReload=yes\nEnvironment=A=1 B=2\nExecStart={ path=/x ; argv[]=/x }\n")
    assert state == UnitState("x", "loaded", "active", "running", "enabled", True, state.properties)
    assert state.properties["Environment"] == "A=1 B=2" and state.running and state.enabled and state.exists


def test_a_temporary_directory_is_private(do: Do, place: Path) -> None:
    path = Path(do("tempfile", state="directory", path=str(place)).values["path"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_a_one_shot_unit_is_not_active_after_it_ran(predicted: PredictedSystem, plan: Do) -> None:
    unit = UnitState("cb-once.service", "loaded", properties={"Type": "oneshot", "RemainAfterExit": "no"})
    predicted.units.states["cb-once.service"] = unit  # type: ignore[attr-defined]
    assert plan("systemd", name="cb-once", state="started").changed
    assert plan("systemd", name="cb-once", state="started").changed
