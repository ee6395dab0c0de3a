"""What an application becomes, and that what Kubernetes would not take is refused."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.cluster.apps.app import App
from clusterbook.errors import InvalidInput, InvalidProject


def test_all_that_is_wrong_is_told_together_and_one_alone_as_it_is() -> None:
    with pytest.raises(InvalidProject) as caught:
        App("Hello", "a b", "My_Space", -1, 0, 70000, variables={"1A": "1"}, cpu="much", memory="1 GB", probe="healthz")
    said = [problem.message.partition(",")[0] for problem in caught.value.problems]
    assert said == [
        "'Hello' is no name of an application", "--namespace is 'My_Space'", "--image is 'a b'", "--replicas is -1",
        "--port is 0", "--target-port is 70000", "--cpu is 'much'", "--memory is '1 GB'", "--probe is 'healthz'",
        "--env: '1A' is no name of an environment variable",
    ]  # fmt: skip
    assert all("expected" in one.message and one.next_step for one in caught.value.problems)
    with pytest.raises(InvalidInput, match="--port is 0, expected 1 to 65535"):
        App("hello", "nginx:1.29", port=0)


def test_pods_are_replaced_without_a_gap_and_without_the_cluster_s_keys() -> None:
    app = App("hello", "nginx:1.29", replicas=2, port=80, target_port=8080, cpu="100m", memory="64Mi")
    spec = app.deployment()["spec"]
    assert spec["replicas"] == 2 and spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    pod = spec["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    container = pod["containers"][0]
    assert container["ports"] == [{"name": "main", "containerPort": 8080}]
    assert container["resources"] == {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "64Mi"}}
    assert container["securityContext"] == {"allowPrivilegeEscalation": False}
    assert container["lifecycle"] == {"preStop": {"sleep": {"seconds": 5}}}, "nodes hear of its end before it ends"


def test_a_secret_is_in_no_object_but_the_secret_and_not_in_what_python_shows() -> None:
    app = App("hello", "x", variables={"A": "1"}, secrets={"PASSWORD": "hunter2"})
    assert app.secret()["data"] == {"PASSWORD": "aHVudGVyMg=="}
    for text in (str(app), str(app.deployment("7")), str(app.service())):
        assert "hunter2" not in text and "aHVudGVyMg" not in text
    environment = app.deployment()["spec"]["template"]["spec"]["containers"][0]["env"]
    assert environment[1] == {
        "name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "hello", "key": "PASSWORD"}}
    }  # fmt: skip


def test_pods_start_anew_when_their_secret_has_another_version() -> None:
    app = App("hello", "x", secrets={"PASSWORD": "p"})
    assert app.deployment("1")["spec"]["template"] != app.deployment("2")["spec"]["template"]


def test_an_external_one_has_a_network_load_balancer() -> None:
    service = App("hello", "x", external=True, port=443, target_port=8443).service()
    assert service["spec"]["type"] == "LoadBalancer"
    assert service["spec"]["ports"] == [{"name": "main", "port": 443, "targetPort": "main"}]
    assert service["metadata"]["annotations"] == {"service.beta.kubernetes.io/aws-load-balancer-type": "nlb"}
    assert App("hello", "x").service()["spec"]["type"] == "ClusterIP"


def test_a_node_that_is_emptied_may_take_one_pod_at_a_time_and_what_does_not_work_holds_nothing_up() -> None:
    app = App("hello", "x", replicas=3)
    budget = app.budget()
    assert budget["spec"]["selector"] == app.deployment()["spec"]["selector"]
    assert (budget["spec"]["maxUnavailable"], budget["spec"]["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")
    assert budget["metadata"]["labels"] == app.labels


def test_a_probe_asks_a_path_or_a_port() -> None:
    def probe(words: str) -> Any:
        pod = App("a", "x", probe=words).deployment()["spec"]["template"]["spec"]
        return pod["containers"][0].get("readinessProbe")

    assert probe("/healthz")["httpGet"] == {"path": "/healthz", "port": "main"}
    assert probe("tcp")["tcpSocket"] == {"port": "main"}
    assert probe("") is None


def test_an_image_that_nodes_got_from_a_file_is_never_pulled_and_pods_start_anew_with_another_file() -> None:
    def pod(sha256: str) -> Any:
        return App("hello", "docker.io/library/page:1", image_file=sha256).deployment()["spec"]["template"]

    assert pod("a")["spec"]["containers"][0]["imagePullPolicy"] == "Never"
    assert pod("a") != pod("b")
    assert "imagePullPolicy" not in pod("")["spec"]["containers"][0] and "annotations" not in pod("")["metadata"]
