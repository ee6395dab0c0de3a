"""The listener for spot interruptions runs with few rights and reaches the instance's metadata."""

GROUPS = ("worker",)
WHEN = "on_spot"
SERVICE = "clusterbook-spot-notice"


def test_it_runs_and_comes_back_after_a_boot(service):
    assert service.lapses() == []


def test_it_has_no_capabilities(host):
    process = host.check_output("systemctl show --property=MainPID --value clusterbook-spot-notice")
    assert "CapEff:\t0000000000000000" in host.file(f"/proc/{process.strip()}/status").content_string


def test_the_metadata_announce_no_end(host):
    folder = "/usr/local/lib/clusterbook/spot-notice"
    ask = f"import sys; sys.path.insert(0, '{folder}'); import runpy; " \
          f"print([runpy.run_path('{folder}/__main__.py')['announced']()])"  # fmt: skip
    assert host.check_output("python3 -B -c %s", ask) == "['']"
