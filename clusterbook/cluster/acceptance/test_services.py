"""Services are found by name and reach pods on every host."""

from __future__ import annotations

from functools import partial

import pytest

from clusterbook.cluster.acceptance import objects
from clusterbook.cluster.acceptance.space import Space, until


def with_servers_and_clients(space: Space, kind: str = "ClusterIP") -> set[str]:
    """A server pod and a client pod on every worker, and a service; the server pods' names."""
    count = len(space.workers)
    server = objects.server(space.images.agnhost)
    space.apply(
        objects.deployment("web", server, replicas=count, pod=objects.apart("web")),
        objects.service("web", kind=kind),
        *(objects.pod(client(node), server, **objects.on(node)) for node in space.workers),
    )
    space.ready("deployment/web", *(f"pod/{client(node)}" for node in space.workers))
    return {str(item["metadata"]["name"]) for item in space.pods("web")}


def client(node: str) -> str:
    """The client pod on a node."""
    return f"client-{node.split('.')[0]}"


def all_answer(space: Space, pod: str, address: str, servers: set[str]) -> bool:
    return space.dialled(pod, address, 80, times=12) == servers


def one_answers(space: Space, pod: str, address: str, port: int, servers: set[str]) -> bool:
    answers = space.dialled(pod, address, port)
    return bool(answers) and answers <= servers


def test_a_cluster_address_spreads_over_pods_on_every_host_from_every_host(space: Space) -> None:
    servers = with_servers_and_clients(space)
    address = space.kubectl.run("get", "service", "web", "--output=jsonpath={.spec.clusterIP}")
    for pod in map(client, space.workers):
        until(partial(all_answer, space, pod, address, servers), f"{sorted(servers)} to answer {pod}")


def test_a_node_port_answers_on_every_node(space: Space, nodes: dict[str, str]) -> None:
    servers = with_servers_and_clients(space, "NodePort")
    port = int(space.kubectl.run("get", "service", "web", "--output=jsonpath={.spec.ports[0].nodePort}"))
    for pod in map(client, space.workers):
        for node, address in nodes.items():
            until(partial(one_answers, space, pod, address, port, servers), f"port {port} of {node} to answer {pod}")


def test_names_of_services_and_of_the_api_resolve_in_a_pod(space: Space, kubectl_domain: str) -> None:
    space.apply(
        objects.deployment("web", objects.server(space.images.agnhost)),
        objects.service("web"),
        objects.pod("client", objects.container(space.images.busybox, "sh", "-c", objects.FOREVER)),
    )
    space.ready("deployment/web", "pod/client")
    address = space.kubectl.run("get", "service", "web", "--output=jsonpath={.spec.clusterIP}")
    full = f"web.{space.name}.svc.{kubectl_domain}"
    assert address in str(until(lambda: space.inside("client", "nslookup", full), f"{full} to resolve"))
    assert space.inside("client", "nslookup", f"kubernetes.default.svc.{kubectl_domain}")
    (server,) = space.pods("web")
    me = str(server["metadata"]["name"])
    for name in ("web", f"web.{space.name}", full):
        until(partial(one_answers, space, me, name, 80, {me}), f"{name} to answer by name")


def test_a_name_that_does_not_exist_is_denied_at_once(space: Space, kubectl_domain: str) -> None:
    space.apply(objects.pod("client", objects.container(space.images.busybox, "sh", "-c", objects.FOREVER)))
    space.ready("pod/client")
    done = space.kubectl.try_run("exec", "client", "--", "nslookup", f"nobody.{space.name}.svc.{kubectl_domain}")
    assert done.returncode != 0
    assert "NXDOMAIN" in done.stdout + done.stderr


def test_a_headless_service_names_the_pods_themselves(space: Space, kubectl_domain: str) -> None:
    count = len(space.workers)
    space.apply(
        objects.deployment("web", objects.server(space.images.agnhost), replicas=count, pod=objects.apart("web")),
        objects.service("web", clusterIP="None"),
        objects.pod("client", objects.container(space.images.busybox, "sh", "-c", objects.FOREVER)),
    )
    space.ready("deployment/web", "pod/client")
    addresses = {str(item["status"]["podIP"]) for item in space.pods("web")}
    name = f"web.{space.name}.svc.{kubectl_domain}"
    until(lambda: addresses <= set(space.inside("client", "nslookup", name).split()), "every pod's address by name")


def test_pods_reach_each_other_across_hosts_with_their_own_addresses(space: Space) -> None:
    with_servers_and_clients(space)
    for node in space.workers:
        (me,) = space.pods(client(node))
        for other in space.pods("web"):
            address = str(other["status"]["podIP"])
            (seen,) = until(partial(space.dialled, client(node), address, 8080, request="clientip"), address)
            assert seen.rpartition(":")[0] == me["status"]["podIP"]


@pytest.fixture
def kubectl_domain(space: Space) -> str:
    """The cluster's DNS domain, as pods are told."""
    configuration = space.kubectl.run(
        "get", "configmap", "coredns", "--namespace=kube-system", "--output=jsonpath={.data}"
    )
    words = configuration.replace("\\n", " ").split()
    return words[words.index("kubernetes") + 1]
