"""Deprecated APIs that somebody uses are read from what API servers count."""

from __future__ import annotations

from datetime import UTC, datetime

from clusterbook.cluster.preflight import RequestedApi, of_metrics

METRICS = """\
# TYPE apiserver_requested_deprecated_apis gauge
apiserver_requested_deprecated_apis{group="",removed_release="",resource="endpoints",subresource="",version="v1"} 1
apiserver_requested_deprecated_apis{group="flowcontrol.apiserver.k8s.io",removed_release="1.37",resource="flowschemas",\
subresource="",version="v1beta9"} 1
apiserver_requested_deprecated_apis{group="batch",removed_release="1.37",resource="jobs",subresource="",version="v1"} 0
apiserver_request_total{group="",version="v1"} 1
"""


def test_only_what_was_asked_for_is_found_by_the_name_that_kubectl_takes() -> None:
    assert of_metrics({"cp-1": METRICS}).apis == [
        RequestedApi("endpoints.v1", "", ("cp-1",)),
        RequestedApi("flowschemas.v1beta9.flowcontrol.apiserver.k8s.io", "1.37", ("cp-1",)),
    ]  # fmt: skip


def test_what_one_of_several_api_servers_was_asked_for_is_known_and_since_when_all_of_them_count() -> None:
    asked = METRICS + "process_start_time_seconds 1.79578e+09\n"
    quiet = "process_start_time_seconds 1.795784e+09\n"
    found = of_metrics({"cp-1": quiet, "cp-2": asked})
    assert [one.servers for one in found.apis] == [("cp-2",), ("cp-2",)]
    assert found.since == datetime.fromtimestamp(1795784000, UTC)
    assert [one.servers for one in of_metrics({"cp-1": asked, "cp-2": asked}).apis] == [("cp-1", "cp-2")] * 2
    assert of_metrics({"cp-1": quiet, "cp-2": METRICS}).since is None


def test_an_api_is_gone_from_the_release_on_that_removes_it() -> None:
    one = RequestedApi("flowschemas.v1beta9", "1.37")
    assert [one.gone(version) for version in ("1.36.9", "1.37.0", "1.38.1")] == [False, True, True]
    assert not RequestedApi("endpoints.v1", "").gone("1.99.0")
