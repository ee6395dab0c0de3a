"""The aggregator runs, nobody else reads its lines, and nobody without the cluster's certificate adds any."""

GROUPS = ("control_plane", "etcd", "worker")
WHEN = "logging_agent != 'none' and inventory_hostname == logging_aggregator"
SERVICE = "clusterbook-log-aggregator"


def test_it_runs_and_comes_back_after_a_boot(service):
    assert service.lapses() == []


def test_its_key_and_its_lines_are_closed_to_others(host, variables):
    key = host.file("/etc/clusterbook-logging/aggregator.key")
    assert (key.user, key.mode) == ("root", 0o600)
    folder = host.file(variables["logging_directory"])
    assert (folder.user, folder.mode) == ("root", 0o700)


def test_its_files_are_rotated(host):
    assert host.check_output("systemctl is-active clusterbook-log-rotate.timer") == "active"
    assert host.check_output("systemctl show --value --property=Result clusterbook-log-rotate.service") == "success"
