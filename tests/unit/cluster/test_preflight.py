"""Deprecated APIs that somebody uses are read from what API servers count."""

from __future__ import annotations

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
    assert of_metrics(METRICS) == [
        RequestedApi("endpoints.v1", ""), RequestedApi("flowschemas.v1beta9.flowcontrol.apiserver.k8s.io", "1.37"),
    ]  # fmt: skip


def test_an_api_is_gone_from_the_release_on_that_removes_it() -> None:
    one = RequestedApi("flowschemas.v1beta9", "1.37")
    assert [one.gone(version) for version in ("1.36.9", "1.37.0", "1.38.1")] == [False, True, True]
    assert not RequestedApi("endpoints.v1", "").gone("1.99.0")
