"""Each node's agent runs, and its key is closed."""

GROUPS = ("control_plane", "worker")
WHEN = "logging_agent == 'rsyslog'"
SERVICE = "clusterbook-log-agent"


def test_it_runs_and_comes_back_after_a_boot(service):
    assert service.lapses() == []


def test_its_key_is_closed_to_others(host):
    key = host.file("/etc/clusterbook-logging/agent.key")
    assert (key.user, key.mode) == ("root", 0o600)


def test_the_aggregator_answers_it_with_a_certificate_that_it_trusts(host, variables):
    address = variables["hostvars"][variables["logging_aggregator"]]["node_address"]
    asked = (
        "cd /etc/clusterbook-logging && timeout 20 openssl s_client -connect %s -CAfile ca.crt -cert agent.crt "
        "-key agent.key -verify_return_error -verify_hostname clusterbook-logging-aggregator < /dev/null"
    )
    done = host.run(asked, f"{address}:{variables['logging_port']}")
    assert done.rc == 0, done.stderr
