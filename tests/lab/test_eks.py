"""A host joins a control plane of EKS: one of the lab's, published as such, which knows nodes by their tokens alone."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clusterbook.cluster.artifacts import catalog, supply
from clusterbook.lab import record
from clusterbook.lab.ec2 import account, eks, lifecycle
from tests.lab.account import ROOT, Person, Run, aws, hosts, person, reachable, until
from tests.lab.asking import as_root
from tests.lab.page import blocks

# The cluster behind it, as EKS has one that nobody sees, and the name that EKS gives it.
BEHIND, NAME = "behind", "shop"
AGNHOST = catalog.load().image("agnhost").reference
WEBHOOK = "/etc/eks-webhook.yaml"
ABOUT = ("--cluster", BEHIND)
VARIABLES = f"@{lifecycle.variables_file(lifecycle.spec_of())}"
# Of the page: what would be done, the same done, a person's kubeconfig, and kubectl by itself.
PLAN, JOIN, KUBECONFIG, KUBECTL = map(
    shlex.split, blocks(ROOT / "docs" / "walk-through.md")["The other way: a control plane of EKS"]
)
# What a network's add-on does on each node of EKS: there it is a pod of Amazon's.
NETWORK = {"cniVersion": "1.0.0", "name": "addon", "plugins": [
    {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": True,
     "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.99.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
]}  # fmt: skip


def instance(cluster: str, role: str) -> dict[str, Any]:
    """The running one of a cluster with that role."""
    wanted = {"tag:KubernetesCluster": cluster, "tag:clusterbook.io/role": role, "instance-state-name": "running"}
    filters = [{"Name": name, "Values": [value]} for name, value in wanted.items()]
    found: dict[str, Any] = aws("ec2").describe_instances(Filters=filters)["Reservations"][0]["Instances"][0]
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Runs a command; the control plane is published as EKS's, and knows tokens by asking the lab's service."""
    with person(tmp_path_factory.mktemp("home")) as call:
        call("create-cluster", BEHIND, "--zones", "us-east-2a", "--master-count", "1", "--node-count", "1")
        call("update-cluster", BEHIND, "--yes")
        until(lambda: len(hosts()) == 2 and reachable())
        spec, server = record.read_spec(lifecycle.NAME), instance(BEHIND, "control_plane")
        asked = eks.KUBECONFIG.format(url=f"http://{spec.gateway}:{lifecycle.TOKENS_PORT}/{NAME}")
        as_root(spec, server["InstanceId"], f"cat > {WEBHOOK} << 'END'\n{asked}END")
        more = {"kube_apiserver_extra_arguments": [f"--authentication-token-webhook-config-file={WEBHOOK}"]}
        call("provision", "--inventory", "aws", *ABOUT, "--extra-vars", VARIABLES, "--extra-vars", json.dumps(more))
        authority = as_root(spec, server["InstanceId"], "cat /etc/kubernetes/pki/ca.crt")
        folder, address = spec.directory / "ec2" / account.CONTROL_PLANES, f"https://{server['PrivateIpAddress']}:6443"
        eks.publish(folder, NAME, address, f"{authority}\n")
        aws("eks").create_cluster(name=NAME, roleArn="arn:aws:iam::123456789012:role/eks", version="1.37",
                                  resourcesVpcConfig={"subnetIds": [server["SubnetId"]]},
                                  kubernetesNetworkConfig={"serviceIpv4Cidr": "10.96.0.0/16"})  # fmt: skip
        yield call


@pytest.fixture(scope="module")
def worker(run: Run) -> dict[str, Any]:
    """An instance of a role of its own, with the tags of EKS's nodes."""
    iam, like = aws("iam"), instance(BEHIND, "worker")
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}  # fmt: skip
    iam.create_role(RoleName="shop-nodes", AssumeRolePolicyDocument=json.dumps(trust))
    iam.create_instance_profile(InstanceProfileName="shop-nodes")
    iam.add_role_to_instance_profile(InstanceProfileName="shop-nodes", RoleName="shop-nodes")
    tags = {"KubernetesCluster": NAME, f"kubernetes.io/cluster/{NAME}": "owned", "clusterbook.io/role": "worker"}
    aws("ec2").run_instances(
        ImageId=like["ImageId"], InstanceType="t3.medium", MinCount=1, MaxCount=1, KeyName=like["KeyName"],
        SubnetId=like["SubnetId"], SecurityGroupIds=[group["GroupId"] for group in like["SecurityGroups"]],
        IamInstanceProfile={"Name": "shop-nodes"}, MetadataOptions={"HttpTokens": "required"},
        TagSpecifications=[{"ResourceType": "instance",
                            "Tags": [{"Key": name, "Value": value} for name, value in tags.items()]}],
    )  # fmt: skip
    until(lambda: len(hosts()) == 3 and reachable())
    return instance(NAME, "worker")


def node_of(run: Run, worker: dict[str, Any]) -> dict[str, Any]:
    """The node that the host became."""
    found: dict[str, Any] = json.loads(
        run("kubectl", *ABOUT, "--", "get", "node", worker["PrivateDnsName"], "--output=json")
    )
    return found


def test_nothing_is_done_without_yes(run: Run, worker: dict[str, Any]) -> None:
    told = run(*PLAN[1:], "--extra-vars", VARIABLES, expect=2)
    assert "access entry of nodes for arn:aws:iam::123456789012:role/shop-nodes" in told
    assert aws("eks").list_access_entries(clusterName=NAME)["accessEntries"] == []
    assert worker["PrivateDnsName"] not in run("kubectl", *ABOUT, "--", "get", "nodes")


def test_a_host_joins_by_the_role_of_its_instance(run: Run, worker: dict[str, Any]) -> None:
    told = run(*JOIN[1:], "--extra-vars", VARIABLES)
    assert f"1 host joined {NAME}" in told
    assert node_of(run, worker)["spec"]["providerID"].endswith(f"/{worker['InstanceId']}")
    kept = as_root(record.read_spec(lifecycle.NAME), worker["InstanceId"], "ls /var/lib/kubelet/pki")
    assert "kubelet-client" not in kept


def test_its_node_is_ready_when_a_network_is_there_and_runs_a_pod(run: Run, worker: dict[str, Any]) -> None:
    spec = record.read_spec(lifecycle.NAME)
    place = "mkdir -p /etc/cni/net.d && cat > /etc/cni/net.d/10-addon.conflist"
    as_root(spec, worker["InstanceId"], f"{place} << 'END'\n{json.dumps(NETWORK)}\nEND")
    until(lambda: any(one["type"] == "Ready" and one["status"] == "True"
                      for one in node_of(run, worker)["status"]["conditions"]))  # fmt: skip
    chosen = {"spec": {"nodeSelector": {"kubernetes.io/hostname": worker["PrivateDnsName"]}}}
    run("kubectl", *ABOUT, "--", "run", "page", f"--image={AGNHOST}", f"--overrides={json.dumps(chosen)}",
        "--", "netexec", "--http-port=8080")  # fmt: skip
    run("kubectl", *ABOUT, "--", "wait", "--for=condition=Ready", "pod/page", "--timeout=120s")
    # The API server reaches the kubelet, whose own certificate the control plane gave it.
    assert "Started HTTP server on port 8080" in run("kubectl", *ABOUT, "--", "logs", "page")


def test_a_person_whose_role_has_an_access_entry_uses_kubectl_by_itself(
    run: Person, worker: dict[str, Any], tmp_path: Path
) -> None:
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}]}  # fmt: skip
    role = aws("iam").create_role(RoleName="people", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    aws("eks").create_access_entry(clusterName=NAME, principalArn=role, kubernetesGroups=["people"])
    run("kubectl", *ABOUT, "--", "create", "clusterrole", "looks-at-nodes", "--verb=get,list", "--resource=nodes")
    run("kubectl", *ABOUT, "--", "create", "clusterrolebinding", "people", "--clusterrole=looks-at-nodes",
        "--group=people")  # fmt: skip
    run(*KUBECONFIG[1:])
    keys = aws("sts").assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    programs = supply.default()
    kubernetes = programs.catalog.component("kubernetes")
    (tmp_path / "kubectl").symlink_to(supply.supply(programs, kubernetes).files["kubectl"])
    environment = {**run.environment, "PATH": f"{tmp_path}{os.pathsep}{run.environment['PATH']}",
                   "AWS_ACCESS_KEY_ID": keys["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
                   "AWS_SESSION_TOKEN": keys["SessionToken"]}  # fmt: skip

    def kubectl(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=120)

    seen = kubectl(*KUBECTL)
    assert f"{worker['PrivateDnsName']}   Ready" in seen.stdout, seen
    refused = kubectl("kubectl", "get", "pods")
    assert f'User "{role}" cannot list resource "pods"' in refused.stderr, refused


def test_a_second_time_nothing_is_left_to_do(run: Run, worker: dict[str, Any]) -> None:
    assert "access entry" not in run("eks-join", NAME, "--extra-vars", VARIABLES)
    run("eks-join", NAME, "--extra-vars", VARIABLES, "--yes")


def test_without_its_access_entry_the_same_host_is_nobody(run: Run, worker: dict[str, Any]) -> None:
    spec = record.read_spec(lifecycle.NAME)
    aws("eks").delete_access_entry(clusterName=NAME, principalArn="arn:aws:iam::123456789012:role/shop-nodes")
    ask = "python3 -I -B /usr/local/lib/clusterbook/eks-node /etc/kubernetes/eks-node.json registered 2>&1 || true"
    assert "the API answered 401" in as_root(spec, worker["InstanceId"], ask)
