"""A run as a page, as JUnit and as a list of failures: from its events alone."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from clusterbook.report.history import history
from clusterbook.report.html import page, policy
from clusterbook.report.junit import junit
from tests.browser import PROGRAM, look

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
WHOLE = {"type": "run", "time": 0.0, "playbook": "/p/site.yml", "inventory": "lab", "id": "r-1", "check": False,
         "started": "2026-01-02T03:04:05+00:00", "user": "ada", "version": "0.1.0"}  # fmt: skip


def result(host: str, at: float, status: str, **details: Any) -> dict[str, Any]:
    about = {"name": "Write it", "role": "etcd", "module": "ansible.builtin.copy", "at": "roles/etcd/tasks/main.yml:7"}
    return {"type": "result", "time": at, "host": host, "step": 1, "seconds": 0.5, "status": status, **about, **details}


def events(*more: dict[str, Any], hosts: tuple[str, ...] = ("a", "b", "c")) -> list[dict[str, Any]]:
    play = {"type": "play", "time": 0.1, "name": "site", "hosts": list(hosts), "steps": 2}
    return [WHOLE, play, *more, {"type": "summary", "time": 9.0, "hosts": {}}]


CHANGES = [{"what": "content", "before": "a\nold\n", "after": "a\nnew\n"}]
FAILED = {"msg": "bind: address already in use", "rc": 1, "cmd": ["etcd"], "next_step": "Stop pid 812 first."}


class Tags(HTMLParser):
    """The tags of a document with their attributes, and the text outside of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if not self._open or self._open[-1] not in ("script", "style"):
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def test_the_page_says_what_ran_where_when_and_how_it_ended() -> None:
    words = Tags(page(history(events(result("a", 1.0, "ok"))))).words
    assert "site.yml nothing to do" in words
    for part in ("inventory lab", "started 2026-01-02T03:04:05+00:00", "run r-1", "user ada", "duration 9.0 s"):
        assert part in words
    assert "3 hosts 0 failed 0 unreachable 0 changed 3 unchanged" in words


def test_a_failure_has_its_cause_and_its_next_step_and_equal_ones_are_one() -> None:
    run = history(events(result("b", 1.0, "failed", **FAILED), result("a", 2.0, "failed", **FAILED)))
    words = Tags(page(run)).words
    assert "Failures a, b etcd | Write it roles/etcd/tasks/main.yml:7 cause bind: address already in use" in words
    assert words.count("next Stop pid 812 first.") == 1
    assert run.outcome == "failed"


def test_a_lost_host_is_named_with_the_reason() -> None:
    lost = {"type": "unreachable", "time": 3.0, "host": "c", "msg": "c: connection refused", "next_step": "Start sshd."}
    words = Tags(page(history(events(lost)))).words
    assert "c unreachable cause c: connection refused next Start sshd." in words


def test_equal_changes_of_many_hosts_are_shown_once_with_their_lines() -> None:
    words = Tags(page(history(events(*(result(host, 1.0, "changed", changes=CHANGES) for host in "cab"))))).words
    assert "etcd | Write it changed a, b, c roles/etcd/tasks/main.yml:7 @@ -1,2 +1,2 @@ a -old +new" in words


def test_a_plan_says_that_nothing_was_changed() -> None:
    run = history([{**WHOLE, "check": True}, *events(result("a", 1.0, "changed", changes=CHANGES))[1:]])
    words = Tags(page(run)).words
    assert "changes pending" in words and "plan (nothing was changed)" in words and "Would change" in words


def test_a_step_that_holds_a_secret_shows_no_values() -> None:
    text = page(history(events(result("a", 1.0, "changed", hidden=True, changes=CHANGES))))
    assert "hidden: the step holds a secret" in text
    assert "-old" not in Tags(text).words


def test_a_run_that_was_killed_is_said_to_have_no_end_and_is_counted_all_the_same() -> None:
    run = history(events(result("a", 1.0, "changed"))[:-1])
    assert run.outcome == "did not end"
    assert run.counts["a"]["changed"] == 1


def test_the_slowest_step_is_first_and_names_its_slowest_host() -> None:
    slow = result("b", 8.0, "ok", seconds=6.0, name="Build", step=2)
    words = Tags(page(history(events(result("a", 1.0, "ok"), slow, {**slow, "host": "a", "seconds": 1.0})))).words
    assert "where 6.0 etcd | Build b 2 roles/etcd/tasks/main.yml:7 0.5 etcd | Write it" in words


def test_the_page_needs_nothing_from_elsewhere() -> None:
    text = page(history(events(result("a", 1.0, "changed", changes=CHANGES))))
    for tag, attributes in Tags(text).tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base"), tag
        assert not {"src", "srcset", "href", "action"} & set(attributes), (tag, attributes)
    assert "url(" not in text and "@import" not in text and "//" not in text.split("<style>")[1].split("</style>")[0]
    assert len(text) < 40_000


def test_the_policy_of_the_page_names_exactly_its_own_script() -> None:
    text = page(history(events()))
    script = text.rpartition("<script>")[2].partition("</script>")[0]
    content = dict(Tags(text).tags[[tag for tag, _ in Tags(text).tags].index("meta") + 2][1])["content"]
    assert content == policy(script)


def test_the_script_makes_no_markup_of_text() -> None:
    script = page(history(events())).rpartition("<script>")[2]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(", script)


def hostile() -> str:
    """A page of a run in which everything that a host can say is an attack."""
    attack = [{"what": HOSTILE, "before": HOSTILE + "\n", "after": "\n" + HOSTILE}]
    about = {"name": HOSTILE, "role": HOSTILE, "msg": HOSTILE, "changes": attack}
    failed = result(HOSTILE, 1.0, "failed", **about, stderr=HOSTILE, cmd=HOSTILE, rc=1, next_step=HOSTILE)
    failed["at"] = HOSTILE
    lost = {"type": "unreachable", "time": 1.0, "host": HOSTILE, "msg": HOSTILE, "next_step": HOSTILE}
    changed = result("b", 1.0, "changed", **about)
    return page(history(events(failed, changed, lost, hosts=(HOSTILE, "b"))))


def test_what_hosts_say_stays_text() -> None:
    found = Tags(hostile())
    assert [tag for tag, _ in found.tags if tag in ("script", "img")] == ["script", "script"]
    assert not any(name.startswith("on") for _, attributes in found.tags for name in attributes)
    data = hostile().partition('id="data">')[2].partition("</script>")[0]
    assert "<" not in data
    assert json.loads(data)["hosts"][0]["name"] == HOSTILE


def test_only_lines_that_came_or_went_are_coloured_also_those_of_items() -> None:
    text = {"what": "content", "before": "  --a\n  --old\n", "after": "  --a\n  --new\n"}
    item = {"item": "x", "status": "changed", "changes": [text]}
    run = history(events(result("a", 1.0, "changed", changes=[text]), result("b", 2.0, "changed", items=[item])))
    diffs = "".join(re.findall(r'<pre class="diff">(.*?)</pre>', page(run), re.DOTALL))
    lines = re.findall(r'<span class="(\w*)">(.*)\n', diffs)
    own = [("place", "@@ -1,2 +1,2 @@"), ("", "   --a"), ("minus", "-  --old"), ("plus", "+  --new")]
    assert lines == [*own, ("", "[x]"), *((sign, f"  {line}") for sign, line in own)]


def test_five_hundred_hosts_make_a_page_of_less_than_a_megabyte() -> None:
    hosts = tuple(f"node-{number}" for number in range(500))
    many = [result(host, 0.1 * step, "ok", step=step, name=f"Step {step}") for host in hosts for step in range(60)]
    assert len(page(history(events(*many, hosts=hosts)))) < 1_000_000


def browse(text: str, folder: Path, fragment: str = "", dark: bool = False) -> tuple[str, str]:
    """(the document after its script ran, what the browser wrote to its console)."""
    file = folder / "run.html"
    file.write_text(text, encoding="utf-8")
    shown = look(f"file://{file}{fragment}", dark=dark)
    return shown.document, shown.complaints


@pytest.mark.skipif(PROGRAM is None, reason="needs Chromium")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_browser_shows_the_page_without_a_complaint(tmp_path: Path, dark: bool) -> None:
    run = history(events(result("a", 1.0, "failed", **FAILED), result("b", 1.0, "changed", changes=CHANGES)))
    document, console = browse(page(run), tmp_path, dark=dark)
    assert console == ""
    assert "3 of 3 hosts</output>" in document
    assert re.search(r'<canvas role="img" aria-label="Timeline of 3 hosts over 9.0 seconds" width="\d{3,}"', document)


@pytest.mark.skipif(PROGRAM is None, reason="needs Chromium")
def test_a_browser_filters_by_status_and_host(tmp_path: Path) -> None:
    run = history(events(result("a", 1.0, "failed", **FAILED), result("b", 1.0, "changed", changes=CHANGES)))
    document, console = browse(page(run), tmp_path, fragment="#status=failed")
    assert console == ""
    assert "1 of 3 hosts</output>" in document
    rows = dict(re.findall(r'<tr data-host="(\w)"( hidden="")?>', document))
    assert rows == {"a": "", "b": ' hidden=""', "c": ' hidden=""'}


@pytest.mark.skipif(PROGRAM is None, reason="needs Chromium")
def test_a_browser_runs_nothing_that_a_host_says(tmp_path: Path) -> None:
    document, console = browse(hostile(), tmp_path)
    assert "<title>site.yml: failed</title>" in document
    assert console == ""


def test_junit_has_a_suite_a_host_and_a_case_a_step() -> None:
    lost = {"type": "unreachable", "time": 3.0, "host": "c", "msg": "c: refused", "next_step": ""}
    skipped = result("b", 2.0, "skipped", step=2, name="Other")
    run = history(events(result("a", 1.0, "failed", **FAILED), result("b", 1.0, "ok"), skipped, lost))
    root = ElementTree.fromstring(junit(run))
    numbers = [(suite.get("name"), suite.get("tests"), suite.get("failures"), suite.get("errors"), suite.get("skipped"))
               for suite in root]  # fmt: skip
    assert numbers == [("a", "1", "1", "0", "0"), ("b", "2", "0", "0", "1"), ("c", "1", "0", "1", "0")]
    case = root[0][0]
    place = (case.get("name"), case.get("file"), case.get("line"))
    assert place == ("etcd | Write it", "roles/etcd/tasks/main.yml", "7")
    assert case[0].get("message") == "bind: address already in use"
    assert "Stop pid 812 first." in str(case[0].text)
    assert root[2][0][0].get("message") == "c: refused"


def test_junit_is_xml_whatever_a_host_says() -> None:
    run = history(events(result("a", 1.0, "failed", msg="\x00\x1b]]>\ufffe" + HOSTILE)))
    ElementTree.fromstring(junit(run))
