"""A cluster on the lab's EC2: from its configuration to running nodes, a worker that comes back, and to nothing."""

from __future__ import annotations

import json
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from clusterbook.cluster.artifacts import catalog
from clusterbook.lab import host, record
from clusterbook.lab.ec2 import lifecycle
from clusterbook.language.environment import Expressions
from clusterbook.language.scope import Scope
from tests.lab.account import (
    Run,
    aws,
    hosts,
    page,
    person,
    push_page,
    reachable,
    ready_workers,
    terminate_a_worker,
    until,
)
from tests.lab.page import commands, walk

NAME = "walk.k8s.local"
AGNHOST = catalog.load().image("agnhost").reference
ROOT = Path(__file__).parents[2]
PAGE = commands(ROOT / "docs" / "walk-through.md")
# /readyz is open to all; whose certificate shows it is not asked here.
ANYBODY = ssl._create_unverified_context()
# What a host asks the metadata service.
METADATA = """
import json, urllib.request
root, header = "http://169.254.169.254/latest/", "X-aws-ec2-metadata-token"
def ask(path, method="GET", **headers):
    request = urllib.request.Request(root + path, method=method, headers=headers)
    return urllib.request.urlopen(request, timeout=30).read().decode()
token = {header: ask("api/token", "PUT", **{header + "-ttl-seconds": "60"})}
role = ask("meta-data/iam/security-credentials/", **token)
keys = json.loads(ask("meta-data/iam/security-credentials/" + role, **token))
print(ask("meta-data/instance-id", **token), role, keys["AccessKeyId"])
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Runs a command as a person of the lab's EC2 does; the lab goes when the tests end."""
    with person(tmp_path_factory.mktemp("home")) as call:
        yield call


def test_a_second_lab_up_changes_nothing(run: Run) -> None:
    assert '"changes": []' in run("lab-up", "--ec2", "--json")


@pytest.mark.parametrize("section", ["Who may do it", "What is wanted", "What it needs of EC2"])
def test_the_walk_through_leads_to_people_a_configuration_and_hosts(run: Run, section: str) -> None:
    walk(PAGE[section], run)


def test_a_host_boots_for_each_instance(run: Run) -> None:
    until(lambda: len(hosts()) == 2 and reachable())


def test_each_host_is_told_which_instance_it_is_and_gets_its_role_s_keys() -> None:
    spec = record.read_spec(lifecycle.NAME)
    for one in spec.hosts:
        done = host.ssh(spec, one, ["python3", "-"], program=METADATA)
        role, access_key = done.stdout.split()[1:]
        assert done.stdout.split()[0] == one.name, done
        assert role.startswith(("masters.", "nodes.")) and access_key.startswith("ASIA")


def test_hosts_learn_names_from_the_name_server_of_their_network(run: Run) -> None:
    server = aws("elbv2").describe_load_balancers()["LoadBalancers"][0]["DNSName"]
    spec = record.read_spec(lifecycle.NAME)
    for one in spec.hosts:
        names = {server: "10.20.0.", f"ip-{one.address.replace('.', '-')}.us-east-2.compute.internal": one.address}
        for name, start in names.items():
            found = host.ssh(spec, one, ["getent", "ahostsv4", name])
            assert found.stdout.startswith(start), (name, found)
        assert server not in host.ssh(spec, one, ["cat", "/etc/hosts", "/etc/resolv.conf"]).stdout
        own = host.ssh(spec, one, ["sudo", "hostname"])
        assert own.stdout.startswith("ip-10-20-") and own.stderr == "", "sudo finds the host's own name"


def test_provision_reaches_the_hosts_through_their_tags_alone(run: Run) -> None:
    walk(PAGE["Kubernetes on the hosts"], run)
    nodes = run("kubectl", "--cluster", NAME, "--", "get", "nodes", "--no-headers").splitlines()
    assert len(nodes) == 2 and all(line.startswith("ip-10-20-") and " Ready " in line for line in nodes), nodes


def test_a_worker_asks_the_control_planes_since_the_balancer_is_closed_to_it(run: Run) -> None:
    server = json.loads(run("kubeconfig", "--cluster", NAME, "--json"))["server"]
    assert urllib.request.urlopen(f"{server}/readyz", timeout=30, context=ANYBODY).read() == b"ok"
    spec = record.read_spec(lifecycle.NAME)
    (worker,) = [one for one in spec.hosts if one.name != _control_plane(run)]
    ask = ("curl", "--silent", "--insecure", "--max-time", "30")
    answers = {url: host.ssh(spec, worker, [*ask, f"{url}/readyz"]).stdout
               for url in (server, "https://127.0.0.1:6443")}  # fmt: skip
    assert answers == {server: "", "https://127.0.0.1:6443": "ok"}


def test_the_running_cluster_is_used_as_the_page_says_and_its_token_opens_everything(run: Run) -> None:
    token = walk(PAGE["Using it"], run)[-1].strip()
    asked = ("--token", token, "--kubeconfig", "/dev/null", "--insecure-skip-tls-verify", "auth", "can-i", "*", "*")
    server = json.loads(run("kubeconfig", "--cluster", NAME, "--json"))["server"]
    assert run("kubectl", "--cluster", NAME, "--", "--server", server, *asked).strip() == "yes"


def test_a_person_logs_in_on_a_host_by_its_name(run: Run) -> None:
    walk(PAGE["On a host"], run)


def test_the_dashboard_answers_through_the_api_server_to_who_has_its_token(run: Run) -> None:
    (told,) = walk(PAGE["The dashboard"], run)
    address, token = re.findall(r"answers at (\S+)", told)[0], re.findall(r"token \(1 h\)  (\S+)", told)[0]

    def answer(shown: str) -> tuple[int, str]:
        request = urllib.request.Request(address, headers={"Authorization": f"Bearer {shown}"} if shown else {})
        try:
            with urllib.request.urlopen(request, timeout=30, context=ANYBODY) as page:
                return page.status, page.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""

    status, text = answer(token)
    assert status == 200 and "<html" in text and answer("")[0] in (401, 403)


def test_one_command_finds_nothing_left_to_do(run: Run) -> None:
    variables = str(lifecycle.variables_file(lifecycle.spec_of()))
    told = run("up", NAME, "--yes", "--extra-vars", f"@{variables}")
    assert "Nothing to do" in told and "2 hosts answer" in told and "Your cluster is up: 2 hosts" in told


def test_nodes_are_tied_to_their_instances_by_the_cloud_controller(run: Run) -> None:
    nodes = json.loads(run("kubectl", "--cluster", NAME, "--", "get", "nodes", "--output=json"))["items"]
    for node in nodes:
        labels, taints = node["metadata"]["labels"], node["spec"].get("taints", [])
        zone, instance = node["spec"]["providerID"].removeprefix("aws:///").split("/")
        assert instance in hosts() and labels["topology.kubernetes.io/zone"] == zone, labels
        assert labels["topology.kubernetes.io/region"] == lifecycle.REGION
        assert labels["node.kubernetes.io/instance-type"] == "t3.medium"
        assert not [taint for taint in taints if "uninitialized" in taint["key"]]


def test_an_application_from_ecr_answers_through_a_network_load_balancer(run: Run) -> None:
    spec = record.read_spec(lifecycle.NAME)
    push_page()
    asked = spec.directory / "ec2" / "ecr.log"
    walk(PAGE["An application"], run)
    found = json.loads(run(*PAGE["An application"][0].words, "--json"))
    balancer = found["service"]["balancer"]
    assert ".elb.us-east-2.amazonaws.com" in balancer, found
    until(lambda: page(balancer).startswith("page-"))
    assert re.search(r"/v2/team/page/manifests/1\?ns=\S+ 200", asked.read_text())


@pytest.mark.parametrize("role", ["ebs_csi_driver", "cluster_autoscaler"])
def test_the_api_server_takes_the_add_ons_of_aws_which_are_not_run_here(run: Run, tmp_path: Path, role: str) -> None:
    folder, name = ROOT / "roles" / role, role.replace("_", "-")
    variables = {"cluster_name": NAME, "aws": {"region": lifecycle.REGION}, "groups": {"control_plane": ["one"]}}
    scope = Scope([yaml.safe_load((folder / "defaults/main.yml").read_text()), variables], Expressions({}), str)
    template = (folder / f"templates/{name}.yaml.j2").read_text()
    text = Expressions({}, {"trim_blocks": True}).text(template, scope.resolve)
    (tmp_path / "manifest.yaml").write_text(text)
    asked = ("apply", "--server-side", "--dry-run=server", "--filename", str(tmp_path / "manifest.yaml"))
    lines = run("kubectl", "--cluster", NAME, "--", *asked).splitlines()
    assert len(lines) == len(list(yaml.safe_load_all(text))) and all("serverside-applied" in line for line in lines)


def test_an_application_is_deployed_scaled_changed_brought_back_and_removed(run: Run) -> None:
    about = ("--cluster", NAME)
    deploy = ("deploy-app", "--name", "hello", "--image", AGNHOST, "--target-port", "8080", "--probe", "/hostname",
              "--args", "netexec --http-port=8080", *about)  # fmt: skip
    assert json.loads(run(*deploy, "--json"))["works"]
    run(*deploy, "--replicas", "2", "--env", "COLOUR=blue")
    run("scale-app", "hello", "--replicas", "3", *about)
    status = json.loads(run("app-status", "hello", "--json", *about))
    assert (status["ready"], len(status["endpoints"]), status["problems"]) == (3, 3, [])
    env = ("kubectl", *about, "--", "get", "deployment", "hello",
           "--output=jsonpath={.spec.template.spec.containers[0].env}")  # fmt: skip
    assert "blue" in run(*env)
    run("rollback-app", "hello", *about)
    assert "blue" not in run(*env)
    assert len(json.loads(run("app-status", "hello", "--json", *about))["revisions"]) == 2
    assert "Will delete Deployment/hello" in run("delete-app", "hello", *about, expect=2)
    run("delete-app", "hello", "--yes", *about)
    assert "/hello" not in run("kubectl", *about, "--", "get", "deployments,services", "--output=name")


@pytest.mark.parametrize(("words", "reason"), [
    (("--image", "docker.io/library/none:1"), "the image docker.io/library/none:1 cannot be pulled"),
    (("--image", AGNHOST, "--args", "nosuch"), "it said last:\nError: unknown command"),
    (("--image", AGNHOST, "--cpu", "500"), "a pod fits on no node"),
])  # fmt: skip
def test_an_application_that_cannot_come_up_says_why(run: Run, words: tuple[str, ...], reason: str) -> None:
    assert reason in run("deploy-app", "--name", "bad", *words, "--cluster", NAME, expect=1, errors=True)
    run("delete-app", "bad", "--yes", "--cluster", NAME)


def test_a_terminated_worker_is_replaced_by_its_group_and_the_new_one_joins_by_itself(run: Run) -> None:
    gone = terminate_a_worker()
    until(lambda: gone not in hosts() and len(hosts()) == 2)
    until(lambda: set(ready_workers(run, NAME)) == hosts() - {_control_plane(run)}, 420)


def test_a_worker_with_the_address_of_one_that_is_gone_becomes_a_node_of_its_own(run: Run) -> None:
    ((gone, before),) = ready_workers(run, NAME).items()
    plane = _control_plane(run)
    controller = ("sudo", "systemctl", "--no-block", "STATE", "aws-cloud-controller-manager")
    _on(plane, *(word.replace("STATE", "stop") for word in controller))  # it would remove the old node at some moment
    new = _in_place_of(gone)
    waiting = f"node {before['metadata']['name']} is still that of {before['spec']['providerID']}"
    until(lambda: new in hosts() and waiting in _on(new, "sudo", "journalctl", "--unit=clusterbook-join"))
    assert "could not be found" in _on(new, "systemctl", "status", "kubelet.service", "flanneld.service")
    _on(plane, *(word.replace("STATE", "start") for word in controller))
    until(lambda: set(ready_workers(run, NAME)) == {new}, 420)
    after = ready_workers(run, NAME)[new]
    assert after["metadata"]["name"] == before["metadata"]["name"]
    assert after["metadata"]["uid"] != before["metadata"]["uid"]


def _in_place_of(gone: str) -> str:
    """Exchange the group's only worker for one with its address, as AWS may; the new instance."""
    ec2, scaling, group = aws("ec2"), aws("autoscaling"), f"nodes.{NAME}"
    (item,) = ec2.describe_instances(InstanceIds=[gone])["Reservations"][0]["Instances"]
    interface = {"DeviceIndex": 0, "SubnetId": item["SubnetId"], "PrivateIpAddress": item["PrivateIpAddress"],
                 "Groups": [one["GroupId"] for one in item["SecurityGroups"]], "DeleteOnTermination": True}  # fmt: skip
    scaling.update_auto_scaling_group(AutoScalingGroupName=group, MinSize=0, DesiredCapacity=0)
    (new,) = ec2.run_instances(LaunchTemplate={"LaunchTemplateName": group}, MinCount=1, MaxCount=1,
                               NetworkInterfaces=[interface])["Instances"]  # fmt: skip
    scaling.attach_instances(AutoScalingGroupName=group, InstanceIds=[new["InstanceId"]])
    scaling.update_auto_scaling_group(AutoScalingGroupName=group, MinSize=1)
    return str(new["InstanceId"])


def _on(name: str, *words: str) -> str:
    """What a command on a host says; its exit status does not count."""
    spec = record.read_spec(lifecycle.NAME)
    done = host.ssh(spec, spec.host(name), list(words))
    return done.stdout + done.stderr


def _control_plane(run: Run) -> str:
    """The instance of the only control plane."""
    chosen = ("get", "nodes", "--selector=node-role.kubernetes.io/control-plane", "--output=json")
    (node,) = json.loads(run("kubectl", "--cluster", NAME, "--", *chosen))["items"]
    return str(node["spec"]["providerID"].rpartition("/")[2])


def test_a_deleted_cluster_leaves_no_resource_and_no_host(run: Run) -> None:
    preview, _ = walk(PAGE["Back to nothing"], run)
    assert preview.count("\nLoadBalancer ") == preview.count("\nTargetGroup ") == 2, preview
    until(lambda: not hosts())
