"""The numbers of nodes that were measured become straight lines, and these a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench import control_plane, kube_api, scale_lab, scale_page, slope

ROOT = Path(__file__).parents[3]
PROGRAMS = control_plane.PROGRAMS


def row(nodes: int, **more: Any) -> dict[str, Any]:
    rest = {
        "memory": dict.fromkeys((*PROGRAMS, "hollow kubelet", "hollow proxy"), 100.0 + nodes),
        "cpu": dict.fromkeys((*PROGRAMS, "hollow kubelet", "hollow proxy"), 0.01 * nodes),
        "requests": 2.0 + nodes, "requests_by_level": {}, "seats": 0.1, "rejected": 0.0, "watches": 7 * nodes,
        "objects": 300 + 3 * nodes, "connections": 4 * nodes, "database_mib": 5.0, "database_used_mib": 3.0,
        "puts": 0.1 * nodes, "watched_kib": 1.5,
    }  # fmt: skip
    tool = {task: {"seconds": 2.0, "cpu": 1.0} for task in ("validate-cluster", "status")}
    return {
        "nodes": nodes, "pods_added": 0, "added": nodes, "ready": 3.0, "rest": rest, "peak": {}, "tool": tool,
        "pods": {"count": 5, "scheduled": 0.02, "running": 1.5, "seconds": None},
        "noise": {"calibration": 70.0, "busy": 0.5, "load": 3.0}, **more,
    }  # fmt: skip


def report() -> dict[str, Any]:
    full = row(100, pods_added=1000, pods={"count": 1000, "scheduled": None, "running": None, "seconds": 50.0}, tool={})
    return {
        "measured": "2026-01-01", "version": "1.2.3", "kubernetes": "1.37.2", "notes": [], "node_bytes": 3000,
        "control_plane": "in a lab",
        "machine": {"processor": "2 x CPU", "memory": "8 GiB", "kernel": "6"},
        "rows": [row(0, added=0, ready=None, pods=None), row(10), row(100), full],
        "real_node_mib": {"kubelet": 80.0, "containerd": 60.0},
        "descriptors": {"hosts": 100, "files": 250, "threads": 210, "peak_mib": 100.0},
    }  # fmt: skip


def test_a_line_goes_through_points_that_lie_on_one() -> None:
    one = slope.line([(0, 5.0), (10, 25.0), (100, 205.0)])
    assert (one.base, one.each, one.fit) == (pytest.approx(5), pytest.approx(2), pytest.approx(1))
    assert one.at(1000) == pytest.approx(2005)


def test_a_line_says_how_badly_it_fits() -> None:
    assert slope.line([(0, 1.0), (1, 0.0), (2, 1.0)]).fit == pytest.approx(0)
    assert slope.line([(0, 3.0), (5, 3.0)]) == slope.Line(3.0, 0.0, 1.0)


def test_added_pods_are_no_part_of_what_a_node_costs() -> None:
    found = slope.lines(report()["rows"])
    assert found["memory of etcd"].each == pytest.approx(1)
    assert found["watches"].at(1000) == pytest.approx(7000)


def test_a_line_that_falls_does_not_lead_below_nothing() -> None:
    assert slope.line([(0, 2.0), (100, 1.0)]).at(5000) == pytest.approx(2)


@pytest.mark.parametrize(("value", "text"), [
    (0.0, "0"), (1234.0, "1,200"), (99.6, "100"), (9.87, "9.9"), (0.01234, "0.012"), (-0.5, "-0.5"), (20.0, "20"),
])  # fmt: skip
def test_a_number_of_a_line_has_two_digits(value: float, text: str) -> None:
    assert scale_page._text(value) == text


def test_the_page_shows_each_step_and_where_the_lines_lead() -> None:
    text = scale_page.section(report())
    assert "| memory of kube-apiserver " in text and "at 5,000" in text
    assert "3,000 bytes of JSON" in text and "9.5 MiB at 1,000" in text
    assert "ran after 50 s: 20 pods a second" in text
    assert "kubelet 80 MiB, containerd 60 MiB; together 140 MiB" in text
    assert "100 light hosts at once, in one process: 250 open files, 210 threads, 100 MiB" in text


def test_the_page_is_made_from_the_report_that_lies_beside_it() -> None:
    measured = json.loads((ROOT / "docs" / "reports" / "scale.json").read_text())
    text = (ROOT / "docs" / "scale.md").read_text()
    between = text.split("<!-- scale -->\n")[1].split("\n<!-- end of scale -->")[0]
    assert between == scale_page.section(measured)
    plain = [row["nodes"] for row in measured["rows"] if not row["pods_added"]]
    assert plain[0] == 0 and len(plain) >= 4 and plain == sorted(set(plain))


def test_metrics_are_read_with_their_labels() -> None:
    text = '# HELP a b\na_total{x="1",y="two words"} 3\na_total{x="2"} 4.5e+01\nup 1\n'
    found = kube_api.samples(text)
    assert kube_api.total(found, "a_total") == 48
    assert kube_api.total(found, "a_total", x="2") == 45
    assert found[-1] == ("up", {}, 1.0)


def test_rest_is_what_happened_between_two_looks() -> None:
    begin = control_plane.Look(10.0, {"etcd": 1.0}, kube_api.samples('apiserver_request_total{verb="GET"} 10\n'),
                               kube_api.samples("etcd_mvcc_put_total 5\n"), 0)  # fmt: skip
    api = (
        'apiserver_request_total{verb="GET"} 30\napiserver_longrunning_requests{verb="WATCH"} 7\n'
        'apiserver_flowcontrol_dispatched_requests_total{priority_level="system"} 40\n'
    )
    etcd = "etcd_mvcc_put_total 25\netcd_debugging_mvcc_keys_total 3\netcd_mvcc_db_total_size_in_bytes 2097152\n"
    end = control_plane.Look(20.0, {"etcd": 2.0}, kube_api.samples(api), kube_api.samples(etcd), 10240)
    rest = control_plane.between(begin, end, {"etcd": 50.0}, 12)
    assert (rest.requests, rest.puts, rest.cpu, rest.database_mib) == (2.0, 2.0, {"etcd": 0.1}, 2.0)
    assert (rest.watches, rest.objects, rest.connections, rest.watched_kib) == (7, 3, 12, 1.0)
    assert rest.requests_by_level == {"system": 4.0}


def test_light_hosts_are_workers_beside_those_of_the_lab(tmp_path: Path) -> None:
    from bench.contest.work import Target
    from bench.light import LightHosts

    light = LightHosts(tmp_path, [Target("n-0", "10.92.1.1"), Target("n-1", "10.92.1.2")])
    found = scale_lab.all_hosts(light, 1)["all"]
    assert list(found["children"]["worker"]["hosts"]) == ["w-1", "n-0"]
    assert not any(name.startswith("lab_") for name in found["vars"])
