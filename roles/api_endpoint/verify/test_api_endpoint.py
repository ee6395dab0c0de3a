"""The API answers under its one address from this host, whoever holds the address at the moment."""

import pytest

GROUPS = ("control_plane", "worker")
WHEN = (
    "(api_endpoint_mode == 'keepalived' and 'control_plane' in group_names)"
    " or (api_endpoint_mode == 'local_proxy' and 'control_plane' not in group_names)"
)


def units(variables):
    """What runs in this mode."""
    return ["haproxy", "keepalived"] if variables["api_endpoint_mode"] == "keepalived" else ["haproxy"]


def address(variables):
    """Where this host's proxy listens."""
    if variables["api_endpoint_mode"] == "keepalived":
        return f"{variables['api_address']}:{variables['api_port']}"
    return f"127.0.0.1:{variables['api_server_port']}"


def test_the_proxy_and_what_moves_the_address_run_and_come_back_after_a_boot(host, variables):
    for unit in units(variables):
        service = host.service(unit)
        assert service.is_running, unit
        assert service.is_enabled, unit
        assert "Restart=always" in host.check_output("systemctl show --property=Restart %s", unit)


def test_the_configuration_is_closed_to_others(host, variables):
    for unit in units(variables):
        file = host.file("/etc/haproxy/kubernetes.cfg" if unit == "haproxy" else "/etc/keepalived/keepalived.conf")
        assert (file.user, file.mode) == ("root", 0o600)


def test_the_proxy_finds_a_ready_api_server(host, variables):
    url = f"http://127.0.0.1:{variables['api_endpoint_health_port']}/healthz"
    assert host.run("curl --silent --fail --max-time 5 %s", url).rc == 0


def test_the_proxy_listens_at_the_address_even_where_another_host_holds_it(host, variables):
    assert host.socket(f"tcp://{address(variables)}").is_listening


def test_the_api_answers_under_the_address_by_a_certificate_that_names_it(host, variables):
    url = f"https://{address(variables)}/readyz"
    command = "curl --silent --fail --max-time 10 --cacert /etc/kubernetes/pki/ca.crt %s"
    assert host.check_output(command, url) == "ok"


@pytest.mark.parametrize("path", ["/api", "/metrics"])
def test_the_address_is_no_way_around_the_api_server_s_rules(host, variables, path):
    command = "curl --silent --max-time 10 --cacert %s --output /dev/null --write-out '%%{http_code}' %s"
    assert host.check_output(command, "/etc/kubernetes/pki/ca.crt", f"https://{address(variables)}{path}") == "401"
