"""Prometheus runs, only this host reaches it, and everything that it asks answers."""

import json
import time

GROUPS = ("control_plane", "etcd", "worker")
WHEN = "prometheus and inventory_hostname == prometheus_server"
SERVICE = "clusterbook-prometheus"


def test_it_runs_and_comes_back_after_a_boot(service):
    assert service.lapses() == []


def test_nodes_and_pods_are_found(host):
    unit = "clusterbook-prometheus-targets"
    assert host.check_output(f"systemctl is-active {unit}.timer") == "active"
    # Its first run may come before the API is there and lets it read; the next one is half a minute later.
    result, end = f"systemctl show --value --property=Result {unit}.service", time.monotonic() + 45
    while host.check_output(result) != "success" and time.monotonic() < end:
        time.sleep(1)
    assert host.check_output(result) == "success"


def test_its_key_and_its_measurements_are_closed_to_others(host, variables):
    key = host.file("/etc/clusterbook-prometheus/client.key")
    assert (key.user, key.mode) == ("prometheus", 0o600)
    folder = host.file(variables["prometheus_directory"])
    assert (folder.user, folder.mode) == ("prometheus", 0o700)


def test_it_is_reached_from_its_own_host_alone(host, variables):
    port = variables["prometheus_port"]
    assert host.socket(f"tcp://127.0.0.1:{port}").is_listening
    assert not host.socket(f"tcp://0.0.0.0:{port}").is_listening


def test_everything_that_it_asks_answers(host, variables):
    # Within half a minute it finds the nodes, within a round it asks each for the first time.
    end = time.monotonic() + 30 + 2 * variables["prometheus_scrape_seconds"]
    jobs = {"kube-apiserver", "kubelet", "containers", "prometheus"}
    found = asked(host, variables["prometheus_port"])
    while not (jobs <= {*found} and set().union(*found.values()) == {"up"}) and time.monotonic() < end:
        time.sleep(1)
        found = asked(host, variables["prometheus_port"])
    assert jobs <= {*found}
    assert {job: told for job, told in found.items() if told != {"up"}} == {}


def asked(host, port):
    """Job -> what is told of those that it asks: up, unknown, or the error."""
    address = f"http://127.0.0.1:{port}/api/v1/targets?state=active"
    program = f"import urllib.request; print(urllib.request.urlopen('{address}', timeout=20).read().decode())"
    found = {}
    for one in json.loads(host.check_output("python3 -c %s", program))["data"]["activeTargets"]:
        found.setdefault(one["labels"]["job"], set()).add(one["lastError"] or one["health"])
    return found
