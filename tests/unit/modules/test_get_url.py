"""Downloads from a real web server."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from clusterbook.modules.system import System
from clusterbook.modules.system.predicted import PredictedSystem
from tests.unit.modules.conftest import Do, Web, perform

DATA = os.urandom(300_000)
SUM = hashlib.sha256(DATA).hexdigest()


def test_a_file_is_downloaded_once(do: Do, web: Web, place: Path) -> None:
    (web.root / "tool").write_bytes(DATA)
    arguments = {"url": f"{web.address}/tool", "dest": str(place / "tool"), "checksum": f"sha256:{SUM}", "mode": "0755"}
    first = do("get_url", **arguments)
    assert first.changed and first.values["msg"] == "OK (300000 bytes)"
    assert (place / "tool").read_bytes() == DATA and stat.S_IMODE((place / "tool").stat().st_mode) == 0o755
    (web.root / "tool").unlink()
    again = do("get_url", **arguments)
    assert not again.changed and not again.failed


def test_wrong_bytes_never_take_the_place_of_the_old_ones(do: Do, web: Web, place: Path) -> None:
    (web.root / "tool").write_bytes(b"wrong")
    (place / "tool").write_bytes(b"old")
    outcome = do("get_url", url=f"{web.address}/tool", dest=str(place / "tool"), checksum=f"sha256:{SUM}")
    found = hashlib.sha256(b"wrong").hexdigest()
    assert outcome.message == f"{web.address}/tool has sha256 {found}, wanted {SUM}; it was not kept"
    assert [path.name for path in place.iterdir()] == ["tool"] and (place / "tool").read_bytes() == b"old"


def test_a_missing_file_is_told_by_its_status(do: Do, web: Web, place: Path) -> None:
    outcome = do("get_url", url=f"{web.address}/no", dest=str(place / "x"))
    assert outcome.message == f"{web.address}/no answers 404 File not found"
    assert list(place.iterdir()) == []


def test_a_file_in_a_directory_gets_the_name_in_the_address(do: Do, web: Web, place: Path) -> None:
    (web.root / "tool").write_bytes(DATA)
    assert do("get_url", url=f"{web.address}/tool?x=1", dest=str(place)).values["dest"] == str(place / "tool")


def test_without_a_checksum_an_existing_file_is_left_unless_forced(do: Do, web: Web, place: Path) -> None:
    (web.root / "tool").write_bytes(DATA)
    (place / "tool").write_bytes(b"old")
    url, dest = f"{web.address}/tool", str(place / "tool")
    assert not do("get_url", url=url, dest=dest).changed
    assert do("get_url", url=url, dest=dest, force=True).changed
    assert not do("get_url", url=url, dest=dest, force=True).changed


def test_a_checksum_may_be_in_a_list_beside_the_file(do: Do, web: Web, place: Path) -> None:
    (web.root / "tool").write_bytes(DATA)
    (web.root / "SHA256SUMS").write_text(f"{'0' * 64}  other\n{SUM} *tool\n")
    checksum = f"sha256:{web.address}/SHA256SUMS"
    assert do("get_url", url=f"{web.address}/tool", dest=str(place / "tool"), checksum=checksum).changed
    assert not do("get_url", url=f"{web.address}/tool", dest=str(place / "tool"), checksum=checksum).changed


def test_a_checksum_that_is_too_short_is_refused_before_connecting(do: Do, place: Path) -> None:
    outcome = do("get_url", url="http://127.0.0.1:1/x", dest=str(place / "x"), checksum="sha256:abc")
    assert outcome.message == "checksum is 'abc', expected 64 hexadecimal digits"


def test_the_digest_is_remembered_between_runs(do: Do, web: Web, place: Path, host: System, tmp_path: Path) -> None:
    (web.root / "tool").write_bytes(DATA)
    arguments = {"url": f"{web.address}/tool", "dest": str(place / "tool"), "checksum": f"sha256:{SUM}"}
    do("get_url", **arguments)
    assert SUM in (tmp_path / "agent/checksums.json").read_text()
    later = System(state_directory=str(tmp_path / "agent"))
    assert not perform("get_url", arguments, later, False).changed
    (place / "tool").write_bytes(b"changed by hand")
    assert perform("get_url", arguments, System(state_directory=str(tmp_path / "agent")), False).changed


def test_check_mode_downloads_nothing_and_later_steps_see_the_file(plan: Do, web: Web, place: Path) -> None:
    arguments = {"url": f"{web.address}/tool", "dest": str(place / "tool"), "checksum": f"sha256:{SUM}"}
    assert plan("get_url", **arguments).changed
    assert not plan("get_url", **arguments).changed
    assert plan("file", path=str(place / "tool"), mode="0755").changed
    assert list(place.iterdir()) == []


def test_uri_posts_json_and_reads_the_answer(do: Do, web: Web) -> None:
    outcome = do("uri", url=f"{web.address}/x", method="POST", body={"a": 1}, body_format="json", status_code=[201])
    assert outcome.values["json"] == {"a": 1} and outcome.values["status"] == 201 and not outcome.changed


def test_uri_tells_the_status_that_it_did_not_want(do: Do, web: Web) -> None:
    outcome = do("uri", url=f"{web.address}/none")
    assert outcome.message == f"{web.address}/none answers 404 File not found, wanted 200"
    assert "content" in outcome.values


def test_uri_tells_that_nobody_answers(do: Do) -> None:
    outcome = do("uri", url="http://127.0.0.1:1/", timeout=2)
    assert outcome.message == "http://127.0.0.1:1/ does not answer: [Errno 111] Connection refused"
    assert outcome.values["status"] == -1


def test_a_file_of_the_host_is_an_address_too(do: Do, place: Path) -> None:
    (place / "here").write_text("x")
    given = {"url": f"file://{place}/here", "dest": str(place / "there")}
    assert do("get_url", **given).changed and (place / "there").read_text() == "x"
    assert not do("get_url", **given).changed


def test_a_plan_fetches_a_file_of_the_host_as_its_earlier_steps_would_leave_it(place: Path) -> None:
    for name in ("old", "new"):
        (place / name).write_text(name)
    predicted = PredictedSystem()
    steps = [(place / "new", place / "old"), (place / "old", place / "old")]
    foretold = [
        perform("get_url", {"url": f"file://{source}", "dest": str(dest), "force": True}, predicted, True)
        for source, dest in steps]
    assert foretold[0].changed and (foretold[1].unknown or not foretold[1].changed)
