"""What CI has no time for is published from its last whole run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.lab import long_forms
from tests.lab.long_forms import REPORT, Record

# Whole runs of these are still to be published; an entry takes its file off this list.
YET: set[str] = set()

# Sentences of pages with numbers of a long form: (page, file) -> the sentence.
TOLD = {
    ("air-gap.md", "test_air_gap.py"):
        "is {megabytes:.0f} MB, {packed_megabytes:.0f} MB as `.tar.zst`; {packages} of its {files} files are Debian's, "
        "{megabytes_of_packages:.0f} MB in all.",
    ("scale.md", "test_fifty_nodes.py"):
        "one run of `provision` took {provision_seconds:.0f} s for 51 hosts, {mebibytes_a_node:.0f} MiB of available "
        "memory each, a second one {second_provision_seconds:.0f} s",
}  # fmt: skip


def test_the_last_run_of_each_long_form_is_published_and_passed() -> None:
    entries = json.loads(REPORT.read_text())
    assert set(entries) == set(long_forms.files()) - YET
    assert {file: entry for file, entry in entries.items() if entry["failed"] or not entry["passed"]} == {}


@pytest.mark.parametrize("file", sorted(set(long_forms.files()) - YET))
def test_the_last_run_had_every_test_and_every_number_of_its_file(file: str) -> None:
    text, entry = (long_forms.ROOT / file).read_text(), json.loads(REPORT.read_text())[file]
    assert entry["passed"] >= text.count("\ndef test_")
    assert set(re.findall(r'measured\("(\w+)"', text)) <= set(entry.get("numbers", {}))


@pytest.mark.parametrize(("page", "file"), TOLD)
def test_a_page_tells_the_numbers_of_the_last_run(page: str, file: str) -> None:
    numbers = json.loads(REPORT.read_text())[f"tests/lab/{file}"]["numbers"]
    assert TOLD[page, file].format(**numbers) in (long_forms.ROOT / "docs" / page).read_text()


def test_a_long_form_shares_no_file_with_tests_of_ci() -> None:
    """The report is by file: one that is skipped beside others would be recorded nowhere."""
    mark, lab = '@pytest.mark.skipif("CLUSTERBOOK_FULL"', long_forms.ROOT / "tests" / "lab"
    assert [path.name for path in lab.glob("*.py") if mark in path.read_text()] == []


def test_no_file_is_still_to_be_published_that_is_gone() -> None:
    assert set(long_forms.files()) >= YET


def test_an_entry_counts_each_test_once_and_others_stay(tmp_path: Path) -> None:
    one, other = long_forms.files()[:2]
    report = tmp_path / "full.json"
    report.write_text(json.dumps({other: {"passed": 1}}))
    record = Record()
    for outcome, when in (("passed", "setup"), ("passed", "call"), ("passed", "teardown"), ("failed", "setup"),
                          ("passed", "teardown"), ("skipped", "setup")):  # fmt: skip
        record.add(one, outcome, when, 0.75)
    record.add("tests/lab/test_cluster.py", "passed", "call", 1)
    record.measured(one, "restore_seconds", 41.28)
    record.write(report)
    kept = json.loads(report.read_text())
    assert set(kept) == {one, other}
    assert [kept[one][word] for word in ("passed", "failed", "skipped", "seconds")] == [1, 1, 1, 4]
    assert kept[one]["numbers"] == {"restore_seconds": 41.3}
