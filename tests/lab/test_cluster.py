"""A cluster from bare hosts to bare hosts, by the commands that a person types. The tests build on each other."""

from __future__ import annotations

import base64
import ipaddress
import json
import shlex
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from clusterbook.cli.clusters import API_ADDRESS
from clusterbook.cluster import tokens
from clusterbook.cluster.acceptance import objects
from clusterbook.cluster.artifacts.catalog import load as load_catalog
from clusterbook.lab import host as machine
from clusterbook.lab import lab, record, tree
from tests import browser
from tests.lab import image_tar, same_packages
from tests.lab.asking import until
from tests.lab.conftest import PROGRAM, ROOT, Cluster
from tests.lab.keeping import MOST_RESTORE_SECONDS, kept
from tests.lab.killing import killed_when
from tests.lab.leftovers import machine_state
from tests.lab.probing import failed, paged, probed, ready_pods
from tests.lab.test_upgrade import NEW, OLD, versions, with_version, without_version

CONTROL_PLANES = ["cp-1", "cp-2", "cp-3"]
HOSTS = ["cp-1", "cp-2", "cp-3", "w-1", "w-2"]
# As playbooks/site.yml applies them in this form.
CONTROL_PLANE_ROLES, WORKER_ROLES = 17, 7
# What a plan may leave: the agent's own cache, and sudo's and ssh's marks of a login.
APART = ("/var/cache/clusterbook", "/root/.cache", "/home/admin/.cache", "/home/admin/.ansible")


@pytest.fixture(scope="module")
def before(cluster: Cluster) -> dict[str, list[str]]:
    """The machine before the lab."""
    return machine_state(cluster.name)


@pytest.fixture(scope="module")
def reached() -> set[str]:
    """Which stages the tests before came to."""
    return set()


@pytest.fixture
def raised(reached: set[str], cluster: Cluster) -> Cluster:
    """The cluster after it was raised; a test of one that did not come up says nothing."""
    if "raised" not in reached:
        pytest.skip("the cluster did not come up")
    return cluster


def trees(cluster: Cluster) -> dict[str, tree.Tree]:
    """Every file of every host that differs from its image."""
    return tree.read(record.read_spec(cluster.name), apart=APART)


def on(cluster: Cluster, host: str, command: str) -> str:
    """What a command of root prints on a host."""
    spec = record.read_spec(cluster.name)
    return machine.ssh(spec, spec.host(host), [f"sudo sh -c {shlex.quote(command)}"]).stdout.strip()


def holders(cluster: Cluster, hosts: list[str]) -> list[str]:
    """Which of these hosts have the API's address."""
    address = ipaddress.ip_network(record.read_spec(cluster.name).network)[API_ADDRESS]
    return [host for host in hosts if on(cluster, host, f"ip -4 -oneline address show to {address}")]


def test_five_bare_hosts_of_two_debian_releases_boot(cluster: Cluster, before: dict[str, list[str]]) -> None:
    cluster.on("lab-up")
    status = json.loads(cluster.on("lab-status", "--json").output)
    assert [host["name"] for host in status["hosts"]] == HOSTS
    assert {host["image"] for host in status["hosts"]} == {"debian-12", "debian-13"}


def test_a_second_lab_up_changes_nothing(cluster: Cluster) -> None:
    assert json.loads(cluster.on("lab-up", "--json").output)["changes"] == []


def test_the_mirror_has_every_binary_and_image(cluster: Cluster) -> None:
    with_version(cluster, OLD)
    cluster.on("mirror", "--start", "--kubernetes-version", OLD)


def test_a_plan_lists_what_is_to_do_and_leaves_the_hosts_byte_for_byte(cluster: Cluster) -> None:
    before = trees(cluster)
    plan = cluster.on("plan", "--json", expect=2)
    assert all(counts["changed"] > 20 for counts in plan.summary().values())
    assert list(plan.summary()) and sorted(plan.summary()) == HOSTS
    assert tree.differences(before, trees(cluster)) == []


def test_provision_raises_the_cluster(cluster: Cluster, reached: set[str]) -> None:
    counts = cluster.on("provision", "--json").summary()
    assert sorted(counts) == HOSTS
    assert not any(host["failed"] or host["unreachable"] for host in counts.values())
    without_version(cluster)
    reached.add("raised")


def test_all_of_the_cluster_is_well(raised: Cluster) -> None:
    raised.on("validate-cluster", "--wait", "5m")


def test_then_a_plan_says_that_there_is_nothing_to_do(raised: Cluster) -> None:
    plan = raised.on("plan", "--json")
    assert all(counts["changed"] == counts["unknown"] == 0 for counts in plan.summary().values())


def test_a_second_provision_changes_nothing(raised: Cluster) -> None:
    again = raised.on("provision", "--json")
    assert {host: counts["changed"] for host, counts in again.summary().items()} == dict.fromkeys(HOSTS, 0)


def test_a_second_provision_asks_at_most_three_round_trips_a_role(raised: Cluster, tmp_path: Path) -> None:
    trips = raised.counted(tmp_path / "trips.json", "provision", "--json")
    print(json.dumps(trips))
    assert sorted(trips) == HOSTS
    assert max(trips[host] for host in CONTROL_PLANES) <= 3 * CONTROL_PLANE_ROLES
    assert max(trips[host] for host in set(HOSTS) - set(CONTROL_PLANES)) <= 3 * WORKER_ROLES


def test_an_upgrade_to_the_next_version_is_not_noticed_and_breaks_no_budget(raised: Cluster) -> None:
    page = paged(raised, "cp-1")
    raised.on("mirror", "--start", "--kubernetes-version", NEW)
    raised.on("upgrade", "--to", NEW, "--check", expect=2)
    with probed(raised, page) as records, ready_pods(raised, "page") as ready:
        raised.on("upgrade", "--to", NEW)
    assert failed(records) == {}
    assert min(ready) >= 2
    assert versions(raised) == dict.fromkeys(HOSTS, f"v{NEW}")
    raised.on("validate-cluster", "--wait", "5m")
    raised.on("plan")


def test_every_host_is_as_its_roles_promise(raised: Cluster) -> None:
    assert "checks on 5 hosts passed" in raised.on("verify").output


def test_people_can_do_with_it_what_kubernetes_is_for(raised: Cluster) -> None:
    raised.on("verify", "--acceptance")


def test_kubectl_and_ssh_reach_it(raised: Cluster) -> None:
    nodes = raised("kubectl", "get", "nodes", "--no-headers").output.splitlines()
    assert sorted(line.split()[0] for line in nodes) == HOSTS
    assert all(line.split()[1] == "Ready" for line in nodes)
    assert raised("ssh", "w-1", "--inventory", str(raised.inventory), "--", "hostname").output == "w-1\n"


def test_the_address_moves_when_its_host_dies_and_the_playbook_still_runs(raised: Cluster) -> None:
    spec = record.read_spec(raised.name)
    holder, *others = CONTROL_PLANES
    until(lambda: holders(raised, CONTROL_PLANES) == [holder], "the host of most weight has the address")
    lab.stop_host(spec, holder)
    try:
        until(lambda: len(holders(raised, others)) == 1, "another control plane takes the address")
        until(lambda: raised("kubectl", "get", "--raw", "/readyz", expect=None).code == 0, "the API answers")
        again = raised.on("provision", "--json", expect=4).summary()
        assert again[holder]["unreachable"] == 1
        assert {host: (again[host]["changed"], again[host]["failed"]) for host in HOSTS if host != holder} == {
            host: (0, 0) for host in HOSTS if host != holder
        }
    finally:
        lab.start_host(spec, holder)
    raised.on("validate-cluster", "--wait", "5m")
    until(lambda: holders(raised, CONTROL_PLANES) == [holder], "the address comes back to the host of most weight")
    raised.on("plan")


def test_an_application_of_an_image_that_no_registry_has_is_changed_without_a_failed_request(
    raised: Cluster, tmp_path: Path
) -> None:
    file = tmp_path / "page.tar"
    image_tar.write(file, "registry.invalid/page:1")
    deploy = ("--name", "leaflet", "--image-file", str(file), "--replicas", "2", "--target-port", "8080",
              "--args", "netexec --http-port=8080", "--probe", "/hostname", "--external")  # fmt: skip
    raised.on("deploy-app", *deploy)
    found = json.loads(raised("app-status", "leaflet", "--cluster", raised.name, "--json").output)
    assert found["works"] and found["image"] == "registry.invalid/page:1"
    images = "ctr --namespace=k8s.io images list --quiet name==registry.invalid/page:1"
    assert [on(raised, host, images) for host in HOSTS] == ["registry.invalid/page:1"] * len(HOSTS)
    assert on(raised, "w-1", "ls /var/tmp/clusterbook-* 2>/dev/null || true") == ""
    again = raised.on("deploy-app", *deploy, "--json").summary()
    assert {host: counts["changed"] for host, counts in again.items()} == dict.fromkeys(HOSTS, 0)
    host, port = record.read_spec(raised.name).host("cp-1"), found["service"]["ports"][0]["nodePort"]
    with probed(raised, f"http://{host.address}:{port}/hostname") as records:
        raised.on("deploy-app", *deploy, "--env", "COLOUR=blue")
    assert failed(records) == {}
    raised("delete-app", "leaflet", "--cluster", raised.name, "--yes")


def test_an_archived_dashboard_is_refused(raised: Cluster) -> None:
    refused = raised.on("deploy-dashboard", "--provider", "kubernetes-dashboard", expect=3)
    assert refused.errors == (
        "error: kubernetes-dashboard was archived by its project in January 2026 and gets no more security fixes\n"
        "  next: Choose --provider headlamp or kube-web-view; headlamp is its successor.\n"
    )


def test_a_dashboard_is_deployed_and_its_page_shows_the_nodes(raised: Cluster) -> None:
    raised.on("deploy-dashboard", "--provider", "kube-web-view")
    pages = "/api/v1/namespaces/dashboard/services/dashboard:http/proxy"
    page = raised("kubectl", "get", "--raw", f"{pages}/clusters/local/nodes").output
    assert [host for host in HOSTS if host not in page] == []


def test_headlamps_manifest_is_one_that_the_api_takes(raised: Cluster) -> None:
    golden = ROOT / "tests" / "unit" / "roles" / "golden" / "headlamp.yaml"
    told = raised("kubectl", "apply", "--dry-run=server", f"--filename={golden}").output
    kinds = {line.split("/")[0].split(".")[0] for line in told.splitlines()}
    assert kinds >= {"namespace", "serviceaccount", "service", "deployment", "clusterrole", "clusterrolebinding"}
    assert all(line.endswith(" (server dry run)") for line in told.splitlines())


@pytest.mark.skipif(browser.PROGRAM is None, reason="needs Chromium")
def test_a_browser_opens_nodes_pods_and_an_application_of_the_dashboard_without_a_complaint(raised: Cluster) -> None:
    words = [sys.executable, "-c", PROGRAM, "dashboard", "--cluster", raised.name]
    system = "clusters/local/namespaces/kube-system"
    pages = {"clusters/local/nodes": HOSTS, f"{system}/pods": ["coredns-"], f"{system}/deployments/coredns": ["Pods"]}
    with browser.opened(words, raised.environment, ROOT) as address:
        for page, told in pages.items():
            shown = browser.look(f"{address}/{page}")
            assert shown.complaints == ""
            assert [word for word in told if word not in shown.document] == []


def dashboard_token(cluster: Cluster, *words: str) -> str:
    """The token that `dashboard` shows; it is ended then, for it opens the page until Ctrl-C."""
    argv = [sys.executable, "-c", PROGRAM, "dashboard", "--no-browser", "--cluster", cluster.name, *words]
    with subprocess.Popen(argv, env=cluster.environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          text=True) as process:  # fmt: skip
        assert process.stdout
        try:
            shown = [process.stdout.readline() for _ in range(2)]
        finally:
            process.terminate()
    return shown[1].split()[-1]


def test_an_administrator_s_token_exists_only_when_asked_for_and_may_write_what_a_viewer_s_may_not(
    raised: Cluster,
) -> None:
    server = json.loads(raised("kubeconfig", "--cluster", raised.name, "--json").output)["server"]

    def write(name: str, token: str, expect: int) -> str:
        who = ("--kubeconfig=/dev/null", f"--server={server}", "--insecure-skip-tls-verify", f"--token={token}")
        words = ("--namespace=default", "create", "configmap", name, "--output=name")
        return raised("kubectl", "--cluster", raised.name, "--", *who, *words, expect=expect).errors

    accounts = ("--namespace=kube-system", "get", "serviceaccounts", "--output=name")
    viewer = dashboard_token(raised)
    assert "clusterbook-admin" not in raised.kubectl(*accounts)
    assert "forbidden" in write("of-a-viewer", viewer, 1)
    admin = dashboard_token(raised, "--admin")
    assert "clusterbook-admin" in raised.kubectl(*accounts)
    write("of-an-administrator", admin, 0)
    raised.kubectl("--namespace=default", "delete", "configmap", "of-an-administrator")
    raised.kubectl(*tokens.REVOKE.split())
    refused = write("too-late", admin, 1)  # an API server knows a token that it has seen for ten seconds more
    assert "Unauthorized" in refused or "forbidden" in refused


def test_a_dashboard_goes_with_its_namespace_and_its_rights(raised: Cluster) -> None:
    raised("kubectl", "delete", "namespace", "dashboard")
    raised("kubectl", "delete", "clusterrolebinding,clusterrole", "clusterbook:dashboard-view")


def test_every_certificate_is_listed_with_a_right_chain_and_those_that_end_soon_are_told(raised: Cluster) -> None:
    listed = json.loads(raised.on("certs", "--json").output)
    assert listed["unread"] == {}
    assert {one["fault"] for one in listed["certificates"]} == {""}
    assert {one["host"] for one in listed["certificates"]} == {"", *HOSTS}
    kubelets = [one["host"] for one in listed["certificates"] if "/kubelet-" in one["path"]]
    assert sorted(kubelets) == sorted(HOSTS * 2)


def test_one_screen_tells_how_it_is_and_a_host_that_is_down_hides_nothing_of_the_rest(raised: Cluster) -> None:
    found = json.loads(raised.on("status", "--json").output)
    assert (found["ready"], found["not_asked"]) == (True, {})
    assert found["backup"]["age_seconds"] > 0, "the one that the upgrade took first"
    assert {(one["name"], one["reachable"], one["system"][:16]) for one in found["hosts"]} == {
        (name, True, "Debian GNU/Linux") for name in HOSTS
    }
    assert all(one["certificate_days"] >= 0 for one in found["hosts"])
    assert {one["name"]: one["state"] for one in found["nodes"]} == dict.fromkeys(HOSTS, "Ready")
    spec = record.read_spec(raised.name)
    lab.stop_host(spec, "cp-3")
    try:
        lost = json.loads(raised.on("status", "--json", expect=1).output)
    finally:
        lab.start_host(spec, "cp-3")
    assert list(lost["not_asked"]) == ["host cp-3"]
    assert {("api", "cp-3"), ("etcd", "cp-3")} <= {
        (one["what"], one["subject"]) for one in lost["findings"] if not one["healthy"]
    }
    assert [one["name"] for one in lost["hosts"] if one["system"]] == [host for host in HOSTS if host != "cp-3"]
    assert [one["name"] for one in lost["nodes"]] == HOSTS
    raised.on("validate-cluster", "--wait", "5m")


def test_every_host_passes_each_control_of_the_cis_benchmark_but_the_waived_ones(raised: Cluster) -> None:
    judged = json.loads(raised.on("cis", "--json").output)
    assert judged["unread"] == {}
    assert {one["result"] for one in judged["controls"] if one["automated"]} == {"pass"}
    assert {one["result"]: one["why"] != "" for one in judged["controls"] if not one["hosts"]} == {"waiver": True}


def test_a_bundle_for_who_helps_has_every_host_and_no_secret_of_the_cluster(raised: Cluster, tmp_path: Path) -> None:
    said = "password=planted-1 abcdef.0123456789abcdef was planted"
    about = {"apiVersion": "v1", "kind": "Node", "name": "w-1"}
    raised.apply({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "planted", "namespace": "default"},
                  "involvedObject": about, "reason": "Told", "message": said, "type": "Normal"})  # fmt: skip
    raised.on("support-bundle", "--output", str(tmp_path / "bundle.tar.gz"))
    with tarfile.open(tmp_path / "bundle.tar.gz") as archive:
        texts = {one.name: archive.extractfile(one).read().decode() for one in archive}  # type: ignore[union-attr]
    assert {f"bundle/hosts/{name}/log-kubelet.txt" for name in HOSTS} <= set(texts)
    assert "cp-1" in texts["bundle/cluster/nodes.txt"]
    assert "cp-3" in texts["bundle/hosts/cp-1/etcd.txt"]
    everything = "".join(texts.values())
    assert "PRIVATE KEY" not in everything
    assert "password=[removed] [removed] was planted" in texts["bundle/cluster/events.txt"]
    assert raised.environment["CLUSTERBOOK_STORE_PASSPHRASE"] not in everything
    kept = on(raised, "cp-1", "cat /etc/kubernetes/pki/sa.key /etc/kubernetes/apiserver/encryption.yaml")
    assert [word for word in kept.split() if len(word) >= 40 and word in everything] == []


def test_drift_names_what_somebody_changed_and_provision_heals_it(raised: Cluster) -> None:
    assert raised.on("drift").output == "5 hosts: all as the playbooks want it\n"
    on(raised, "w-1", "chmod 0644 /var/lib/kubelet/config.yaml")
    on(raised, "cp-2", "sed -i s/audit-log-maxage=30/audit-log-maxage=3/ /etc/systemd/system/kube-apiserver.service")
    on(raised, "cp-3", "systemctl disable --quiet kube-scheduler")
    on(raised, "w-2", "dpkg --remove --force-depends socat")
    raised.kubectl("--namespace=kube-system", "scale", "deployment/coredns", "--replicas=1")
    drifted = json.loads(raised.on("drift", "--json", expect=2).output)["differences"]
    found = {(one["host"], one["kind"], one["name"], one["what"]) for one in drifted}
    assert ("w-2", "package", "socat", "version") in found  # beside it is what a package that is missing may bring
    assert {one for one in found if one[0] != "w-2"} == {
        ("w-1", "file", "/var/lib/kubelet/config.yaml", "mode"),
        ("cp-2", "file", "/etc/systemd/system/kube-apiserver.service", "content"),
        ("cp-3", "unit", "kube-scheduler.service", "enabled"),
        ("cp-1", "step", "apps.v1.Deployment.kube-system.coredns", "would run"),
    }
    assert json.loads(raised.on("status", "--drift", "--json", expect=2).output)["drift"]["differences"] == drifted
    flag = next(one for one in drifted if one["host"] == "cp-2")
    assert "+  --audit-log-maxage=30 \\" in flag["lines"]
    opened = json.loads(raised.on("cis", "--json", expect=1).output)["controls"]
    assert {one["id"]: list(one["wrong"]) for one in opened if one["result"] == "fail"} == {"4.1.9": ["w-1"]}
    raised.on("provision")
    raised.on("drift")


def test_doctor_finds_nothing_in_a_cluster_that_is_well_and_the_cause_in_one_that_is_not(raised: Cluster) -> None:
    assert json.loads(raised.on("doctor", "--json").output)["causes"] == []
    on(raised, "cp-3", "systemctl stop etcd")
    told = json.loads(raised.on("doctor", "--json", expect=1).output)["causes"]
    on(raised, "cp-3", "systemctl start etcd")
    assert ("unit-off", "cp-3 etcd") in {(one["cause"], one["where"]) for one in told}
    raised.on("validate-cluster", "--wait", "2m")


def certificates(cluster: Cluster) -> dict[tuple[str, str], str]:
    """The certificate in each file that is no CA: (host, path) -> fingerprint."""
    found = json.loads(cluster.on("certs", "--json").output)["certificates"]
    return {(one["host"], one["path"]): one["fingerprint"] for one in found if not one["name"].endswith("-ca")}


def test_every_certificate_is_made_anew_and_no_request_fails(raised: Cluster) -> None:
    before, key = certificates(raised), on(raised, "cp-1", "sha256sum /etc/etcd/pki/peer.key")
    assert sorted(raised.on("rotate-certs", "--json", expect=2).summary()) == HOSTS
    with probed(raised, paged(raised, "w-1")) as records:
        raised.on("rotate-certs", "--yes")
    assert failed(records) == {}
    after = certificates(raised)
    assert after.keys() == before.keys()
    assert [place for place, fingerprint in after.items() if fingerprint == before[place]] == []
    assert on(raised, "cp-1", "sha256sum /etc/etcd/pki/peer.key") != key
    raised.on("drift")
    raised.on("validate-cluster", "--wait", "5m")


def test_a_backup_brings_everything_back_on_control_planes_that_are_new(raised: Cluster, tmp_path: Path) -> None:
    at = ("--at", f"file://{tmp_path}/elsewhere")
    raised("kubectl", "create", "namespace", "kept")
    raised("kubectl", "--namespace=kept", "create", "secret", "generic", "kept", "--from-literal=word=before")
    server = objects.server(load_catalog().image("agnhost").reference)
    raised.kubectl("--namespace=kept", "create", "role", "kept", "--verb=get", "--resource=pods")
    raised.kubectl("--namespace=kept", "create", "cronjob", "kept", "--image=unused", "--schedule=0 0 1 1 *")
    for one in (objects.deployment("kept", server, replicas=2), objects.service("kept")):
        raised.apply({**one, "metadata": {**one["metadata"], "namespace": "kept"}})
    raised.kubectl("--namespace=kept", "rollout", "status", "deployment/kept", "--timeout=120s")
    was = kept(raised)
    assert len({name.split()[0] for name in was}) > 20
    raised.on("backup", *at)
    raised("kubectl", "delete", "namespace", "kept")
    raised("kubectl", "create", "namespace", "later")
    lab.reset_hosts(record.read_spec(raised.name), CONTROL_PLANES)
    raised.on("restore", "--from", "latest", *at, expect=2)  # says what it would do
    assert raised.on("restore", "--from", "latest", *at, "--yes").seconds <= MOST_RESTORE_SECONDS
    word = raised("kubectl", "--namespace=kept", "get", "secret", "kept", "--output=jsonpath={.data.word}").output
    assert base64.b64decode(word) == b"before"
    raised.on("validate-cluster", "--wait", "5m")
    assert kept(raised) == was
    raised.on("plan")
    raised.on("verify")


def test_a_reset_without_yes_does_nothing(raised: Cluster) -> None:
    assert sorted(raised.on("reset", "--json", expect=2).summary()) == HOSTS
    raised("kubectl", "get", "nodes")


def test_a_reset_that_was_killed_takes_the_cluster_off_its_hosts_when_it_is_run_again(raised: Cluster) -> None:
    killed_when(raised, "Ensure etcd is stopped", "reset", "--yes")
    raised.on("reset", "--yes")
    left = [path for found in trees(raised).values() for path in found if "kube" in path or "etcd" in path]
    assert left == []


def test_then_a_plan_says_that_everything_is_to_do(raised: Cluster) -> None:
    plan = raised.on("plan", "--json", expect=2)
    assert all(counts["changed"] > 20 for counts in plan.summary().values())


def test_after_a_reset_hosts_are_as_bare_ones_with_the_same_packages(raised: Cluster) -> None:
    assert same_packages.left(record.read_spec(raised.name), HOSTS, APART) == []


def test_lab_down_leaves_nothing(cluster: Cluster, before: dict[str, list[str]]) -> None:
    assert machine_state(cluster.name) != before
    cluster("lab-down", "--name", cluster.name)
    assert cluster.name not in record.names()
    assert machine_state(cluster.name) == before
