"""Docker Engine runs beside the cluster's containerd and leaves the pods' network alone."""

import json

GROUPS = ("control_plane", "worker")
WHEN = "docker_engine"
SERVICE = "docker"


def test_docker_runs_and_comes_back_after_a_boot(service):
    assert service.lapses() == []


def test_docker_answers_and_shares_the_cluster_s_containerd(host):
    found = json.loads(host.check_output("docker info --format '{{ json . }}'"))
    assert found["ServerVersion"]
    assert len(host.check_output("pgrep --exact containerd").split()) == 1


def test_docker_writes_no_packet_filter_rules(host):
    configuration = json.loads(host.file("/etc/docker/daemon.json").content_string)
    assert configuration["iptables"] is False
    assert "DOCKER" not in host.check_output("nft list ruleset")


def test_the_configuration_is_closed_to_others(host):
    file = host.file("/etc/docker/daemon.json")
    assert (file.user, file.mode) == ("root", 0o600)
    assert host.file("/run/docker.sock").mode & 0o007 == 0
