"""Each benchmark keeps its own section of the document of measurements."""

from __future__ import annotations

import json
from pathlib import Path

from bench import report


def result(seconds: float) -> dict[str, object]:
    row = {"version": "1", "seconds": seconds, "min": seconds, "max": seconds, "rounds": 1, "cpu": 0.1,
           "peak_mib": 10.0, "busy": 0.5}  # fmt: skip
    return {
        "measured": "2026-01-01", "commit": "abc", "title": "The contest", "floor": "floor", "notes": [],
        "machine": {"processor": "2 x CPU", "memory": "8 GiB", "kernel": "6"},
        "rows": [{"what": "floor", **row}, {"what": "other", **row, "seconds": 2 * seconds}],
        "samples": [{"noise": {"calibration": 70.0, "busy": 0.5, "load": 3.0}}],
    }  # fmt: skip


def test_a_second_run_replaces_its_section_and_leaves_the_others(tmp_path: Path) -> None:
    document = tmp_path / "measured.md"
    report.write("unchanged", result(1.0), document)
    document.write_text(document.read_text() + "\nwritten by a person\n")
    report.write("unchanged", result(3.0), document)
    text = document.read_text()
    assert text.startswith("# What was measured")
    assert text.count("## The contest") == 1
    assert "| other  | 1       |     6.00 |    2.00 |" in text
    assert "written by a person" in text


def test_a_published_result_is_kept_as_data_from_which_its_section_is_made(tmp_path: Path) -> None:
    text = report.publish("unchanged", result(1.0), tmp_path / "measured.md")
    kept = json.loads((tmp_path / "reports" / "bench-unchanged.json").read_text())
    assert report.made("unchanged", kept) == text


def test_a_bar_is_longer_by_the_same_for_each_doubling(tmp_path: Path) -> None:
    text = report.write("unchanged", result(1.0), tmp_path / "measured.md")
    assert "floor  ████ 1.00 s\nother  ████████ 2.00 s\n" in text


def test_where_the_floor_was_ended_by_the_clock_no_multiple_of_it_is_told(tmp_path: Path) -> None:
    text = report.write("wide", {**result(1.0), "floor": "ended"}, tmp_path / "measured.md")
    assert "| other  | 1       |     2.00 | -       |" in text


def test_a_plan_of_cloud_resources_says_how_many_there_were_and_how_busy_the_machine_was(tmp_path: Path) -> None:
    found = {**result(1.0), "resources": 101, "seconds": 2.0, "max": 3.0, "rounds": 3, "cpu": 1.5, "peak_mib": 90.0}
    text = report.write("cloud-plan", found, tmp_path / "measured.md")
    assert [cell.strip() for cell in text.splitlines()[-5].split("|")[1:6]] == ["101", "2.00", "3.00", "3", "1.50"]
