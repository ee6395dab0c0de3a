"""Services are found by name and reach pods on every host."""

from __future__ import annotations

from functools import partial

import pytest

from clusterbook.cluster.acceptance import objects
from clusterbook.cluster.acceptance.space import Space, until


def with_servers_and_clients(space: Space, kind: str = "ClusterIP") -> list[str]:
    """A server pod and a client pod on every worker; the server pods' names."""
    count = len(space.workers)
    sleeper = objects.container(space.images.busybox, "sh", "-c", objects.FOREVER)
    server = objects.server(space.images.agnhost)
    space.apply(
        objects.deployment("web", server, replicas=count, pod=objects.apart("web")),
        objects.service("web", kind=kind),
        *(
            objects.pod(client(node), sleeper, **objects.on(node))
            for node in space.workers
        ),
    )  # fmt: skip
    space.ready("deployment/web", *(f"pod/{client(node)}" for node in space.workers))
    return [str(item["metadata"]["name"]) for item in space.pods("web")]


def client(node: str) -> str:
    return f"client-{node.split('.')[0]}"


def answers(space: Space, pod: str, url: str, wanted: set[str]) -> set[str]:
    """Which servers answered, asking until all the wanted ones have; a rule may be written a moment later."""
    found: set[str] = set()
    line = f"for i in 1 2 3 4 5 6; do wget -qO- -T 2 {url} || exit 1; echo; done"

    def all_answered() -> bool:
        found.update(space.shell(pod, line).split())
        return found >= wanted

    until(all_answered, f"{sorted(wanted)} to answer {pod} at {url}")
    return found


def test_a_cluster_address_spreads_over_pods_on_every_host_from_every_host(space: Space) -> None:
    servers = with_servers_and_clients(space)
    address = space.kubectl.run("get", "service", "web", "--output=jsonpath={.spec.clusterIP}")
    for node in space.workers:
        assert answers(space, client(node), f"http://{address}/hostname", set(servers)) == set(servers)


def test_a_node_port_answers_on_every_node(space: Space, nodes: dict[str, str]) -> None:
    servers = with_servers_and_clients(space, "NodePort")
    port = space.kubectl.run("get", "service", "web", "--output=jsonpath={.spec.ports[0].nodePort}")
    for pod in map(client, space.workers):
        for address in nodes.values():
            assert answers(space, pod, f"http://{address}:{port}/hostname", set()) <= set(servers)


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
    for name in ("web", f"web.{space.name}", full):
        until(partial(reached_by_name, space, server, name), f"{name} to answer by name")


def reached_by_name(space: Space, server: objects.Object, name: str) -> bool:
    """A program in the server's pod reaches the service under that name, by the search list of its resolv.conf."""
    answer = space.inside("client", *objects.dial(server["status"]["podIP"], name, 80))
    return objects.dialled(answer) == {server["metadata"]["name"]}


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
    sources = {
        item["spec"]["nodeName"]: item["status"]["podIP"] for node in space.workers for item in space.pods(client(node))
    }
    for node in space.workers:
        for item in space.pods("web"):
            url = f"http://{item['status']['podIP']}:8080/clientip"
            seen = space.inside(client(node), "wget", "-qO-", "-T", "3", url)
            assert seen.rpartition(":")[0] == sources[node]


@pytest.fixture
def kubectl_domain(space: Space) -> str:
    """The cluster's DNS domain, as pods are told."""
    configuration = space.kubectl.run(
        "get", "configmap", "coredns", "--namespace=kube-system", "--output=jsonpath={.data}"
    )
    words = configuration.replace("\\n", " ").split()
    return words[words.index("kubernetes") + 1]
