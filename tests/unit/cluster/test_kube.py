"""kubectl is called with the cluster's own kubeconfig, and its failures are told in its own words."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from clusterbook.cluster import health
from clusterbook.cluster.acceptance import command
from clusterbook.cluster.artifacts import supply as supplies
from clusterbook.cluster.cluster import Cluster, ensure_cluster
from clusterbook.cluster.kube import Kubectl, open_kubectl, said
from clusterbook.cluster.store import FileStore
from clusterbook.errors import Failed


@pytest.fixture
def cluster(store: FileStore, configuration: Path) -> Cluster:
    """A cluster whose API address refuses connections."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    wishes = {"api_address": "127.0.0.1", "api_port": port, "api_server_port": port}
    return ensure_cluster(store, "lab", wishes, {}, configuration)


@pytest.fixture
def kubectl(cluster: Cluster) -> Kubectl:
    settings = supplies.default(sources=("cache",))
    if supplies.from_cache(settings, settings.catalog.component("kubernetes")) is None:
        pytest.skip("kubectl is not in the artifact cache: invoke artifacts --fetch")
    return open_kubectl(cluster)


def test_kubectl_of_the_clusters_version_reads_the_clusters_kubeconfig(kubectl: Kubectl) -> None:
    version = kubectl.json("version", "--client")
    assert version["clientVersion"]["gitVersion"] == "v1.37.2"
    assert kubectl.run("config", "current-context") == "lab\n"
    assert kubectl.in_namespace("x").argv("get", "pods")[-3:] == ["--namespace=x", "get", "pods"]


def test_kubectl_accepts_the_certificates_of_the_kubeconfig(kubectl: Kubectl) -> None:
    shown = kubectl.json("config", "view")
    assert shown["users"][0]["user"] == {
        "client-certificate-data": "DATA+OMITTED",
        "client-key-data": "DATA+OMITTED",
    }


def test_a_failure_is_in_kubectls_words_without_its_log_lines(kubectl: Kubectl) -> None:
    with pytest.raises(Failed) as caught:
        kubectl.run("get", "pods")
    assert caught.value.message.startswith("kubectl get pods: The connection to the server 127.0.0.1:")
    assert "memcache.go" not in caught.value.message
    assert caught.value.next_step == "Look at the cluster with: invoke validate-cluster"


def test_what_is_sent_to_kubectl_is_not_in_its_error(kubectl: Kubectl) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "stringData": {"a": "hunter2-value"}}
    with pytest.raises(Failed) as caught:
        kubectl.apply(secret)
    assert "hunter2-value" not in caught.value.message


def test_a_call_that_does_not_end_is_ended(kubectl: Kubectl) -> None:
    with pytest.raises(Failed, match=r"kubectl proxy --port=0 did not end within 0\.5 s"):
        kubectl.run("proxy", "--port=0", seconds=0.5)


def test_log_lines_are_told_from_words() -> None:
    text = 'E1123 15:08:35.356800    7605 memcache.go:381] "x"\nError from server: no\nE for everybody\n'
    assert said(text) == "Error from server: no\nE for everybody"


def test_a_cluster_that_is_down_gives_findings_and_no_exception(cluster: Cluster, kubectl: Kubectl) -> None:
    hosts = health.Hosts({"cp-1": "127.0.0.1"}, {}, ("cp-1",))
    found = health.check(cluster, kubectl, hosts, test_image="busybox")
    assert {finding.what for finding in found} == {"api", "node", "pod", "dns"}
    assert not any(finding.healthy for finding in found)
    assert all(finding.next_step and "refused" in finding.detail for finding in found)


def test_acceptance_ignores_the_settings_of_a_surrounding_project_and_runs_disruption_alone() -> None:
    together, alone = command.argv(["-k", "name"]), command.argv(alone=True)
    assert together[together.index("-c") + 1] == os.devnull
    assert [part for part in together if part.startswith("--ignore=")] == [f"--ignore={command.ALONE}"]
    assert together[-4:-2] == ["-k", "name"]
    assert alone[-1] == str(command.ALONE)
    assert "-n" not in alone
