"""The flow of a cluster on EC2 by its commands: configuration, preview, apply, nothing to do, delete."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import platformdirs
import pytest

from clusterbook.cluster.cluster import Cluster
from clusterbook.cluster.formed import is_now_formed
from clusterbook.cluster.reset import forget_access
from clusterbook.cluster.store import cluster_names
from tests.unit.cli.conftest import NAME, Call, Run


def test_preview_apply_nothing_to_do_and_delete(created: Run, tmp_path: Path) -> None:
    code, text = created("update-cluster", NAME)
    assert code == 2 and "Will create\n" in text and f"Vpc/{NAME} " in text
    assert text.endswith(f"Nothing has been done. To apply: clusterbook update-cluster {NAME} --yes\n")
    code, text = created("update-cluster", NAME, "--yes")
    assert code == 0 and "resources done." in text
    code, text = created("update-cluster", NAME)
    assert (code, text) == (0, "Nothing to do: all 22 resources are as wanted.\n")
    code, text = created("delete-cluster", NAME, "--json")
    assert code == 2 and len(json.loads(text)) == 22
    code, text = created("delete-cluster", NAME, "--yes")
    assert code == 0 and f"{NAME} is gone." in text
    code, text = created("update-cluster", NAME)
    assert code == 3 and f"there is no cluster '{NAME}' in the store s3://demo-state/team" in text


def test_a_saved_plan_is_refused_when_anything_moved(created: Run, tmp_path: Path, aws: Any) -> None:
    saved = str(tmp_path / "plan.json")
    assert created("update-cluster", NAME, "--out", saved)[0] == 2
    edited = tmp_path / "edited.yaml"
    client = aws("s3")
    body = client.get_object(Bucket="demo-state", Key=f"team/{NAME}/cluster.yaml")["Body"].read().decode()
    edited.write_text(body.replace("count: 2", "count: 3"))
    assert created("edit-cluster", NAME, "--file", str(edited))[0] == 0
    code, text = created("update-cluster", NAME, "--yes", "--saved", saved)
    assert code == 3 and "is out of date: the configuration or the cloud has changed since" in text
    code, text = created("update-cluster", NAME, "--saved", saved)
    assert code == 3 and "is out of date" in text
    assert created("update-cluster", NAME, "--out", saved)[0] == 2
    tags = [{"Key": f"kubernetes.io/cluster/{NAME}", "Value": "owned"}, {"Key": "KubernetesCluster", "Value": NAME},
            {"Key": "clusterbook.io/resource", "Value": "KeyPair/main"}]  # fmt: skip
    public = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
    aws("ec2").import_key_pair(KeyName="other", PublicKeyMaterial=public,
                               TagSpecifications=[{"ResourceType": "key-pair", "Tags": tags}])  # fmt: skip
    code, text = created("update-cluster", NAME, "--yes", "--saved", saved)
    assert code == 3 and "is out of date" in text, "somebody made something of the cluster meanwhile"
    aws("ec2").delete_key_pair(KeyName="other")
    kept = Path(platformdirs.user_cache_dir("clusterbook")) / "aws" / "kept.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("{}")
    assert created("update-cluster", NAME, "--saved", saved)[0] == 2
    assert kept.exists()
    assert created("update-cluster", NAME, "--yes", "--saved", saved)[0] == 0
    assert not kept.exists(), "answers of before the change are for nobody"


def edit(run: Run, aws: Any, tmp_path: Path, old: str, new: str) -> None:
    """Change a word of the configuration."""
    body = aws("s3").get_object(Bucket="demo-state", Key=f"team/{NAME}/cluster.yaml")["Body"].read().decode()
    assert old in body
    (tmp_path / "edited.yaml").write_text(body.replace(old, new))
    assert run("edit-cluster", NAME, "--file", str(tmp_path / "edited.yaml"))[0] == 0


def test_what_update_says_to_do_next_brings_the_cluster_to_nothing_to_do(
    created: Run, tmp_path: Path, aws: Any
) -> None:
    assert created("update-cluster", NAME, "--yes")[0] == 0
    edit(created, aws, tmp_path, "instance_type: t3.medium", "instance_type: t3.large")
    code, text = created("update-cluster", NAME)
    assert code == 2 and "To apply:" not in text and "To change an instance's type: stop it in AWS" in text
    code, text = created("update-cluster", NAME, "--yes")
    assert code == 0 and "To change an instance's type: stop it in AWS" in text
    ec2 = aws("ec2")
    masters = [{"Name": "tag:clusterbook.io/role", "Values": ["control_plane"]}]
    (found,) = ec2.describe_instances(Filters=masters)["Reservations"]
    (host,) = [item["InstanceId"] for item in found["Instances"]]
    ec2.stop_instances(InstanceIds=[host])
    ec2.modify_instance_attribute(InstanceId=host, InstanceType={"Value": "t3.large"})
    ec2.start_instances(InstanceIds=[host])
    assert created("update-cluster", NAME)[0] == 0
    edit(created, aws, tmp_path, "name: nodes", "name: others")
    assert created("update-cluster", NAME, "--yes")[0] == 0
    code, text = created("update-cluster", NAME)
    told = f"To delete what is wanted no more, too: clusterbook update-cluster {NAME} --yes --prune"
    assert code == 2 and told in text and "To apply:" not in text
    assert created("update-cluster", NAME, "--yes", "--prune")[0] == 0
    assert created("update-cluster", NAME)[0] == 0


def test_what_must_be_deleted_by_hand_is_made_anew(created: Run, tmp_path: Path, aws: Any) -> None:
    assert created("update-cluster", NAME, "--yes")[0] == 0
    edit(created, aws, tmp_path, "aws:\n", "aws:\n  api_scheme: internal\n")
    code, text = created("update-cluster", NAME)
    assert code == 2 and "To have the others made anew: delete them in AWS and run update-cluster with --yes." in text
    (balancer,) = aws("elbv2").describe_load_balancers()["LoadBalancers"]
    aws("elbv2").delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    assert created("update-cluster", NAME, "--yes")[0] == 0
    assert created("update-cluster", NAME)[0] == 0


def test_an_edit_that_is_wrong_is_not_kept_and_not_lost(created: Run, tmp_path: Path) -> None:
    draft = tmp_path / "draft.yaml"
    draft.write_text(f"cluster_name: {NAME}\naws:\n  zones: [us-east-2a]\n  worker_group: []\n")
    code, text = created("edit-cluster", NAME, "--file", str(draft))
    assert code == 3
    assert "draft.yaml:4:3" in text and "did you mean 'worker_groups'?" in text
    assert "1 problem found. No host was touched.\n  next: The configuration was not kept; your text is in" in text
    assert draft.exists()


def test_an_editor_changes_the_configuration(
    created: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", "sed -i s/t3.medium/t3.large/")
    monkeypatch.delenv("VISUAL", raising=False)
    code, text = created("edit-cluster", NAME)
    assert code == 0
    assert f"Kept. To see what it would change: clusterbook update-cluster {NAME}, or clusterbook plan." in text
    code, text = created("update-cluster", NAME, "--json")
    fields = [item["fields"].get("type") for item in json.loads(text)["create"] if item["kind"] == "Instance"]
    assert fields == ["t3.large"]
    monkeypatch.setenv("EDITOR", "false")
    code, text = created("edit-cluster", NAME)
    assert code == 1 and "ended with status 1; nothing was changed" in text


def test_a_cluster_is_created_once(created: Run) -> None:
    code, text = created("create-cluster", NAME, "--zones", "us-east-2a")
    assert code == 3 and "there is a cluster 'demo.k8s.local'" in text and "clusterbook edit-cluster" in text


def test_a_bucket_that_somebody_made_is_taken_and_what_it_lacks_is_said(run: Run, aws: Any) -> None:
    client = aws("s3")
    client.create_bucket(Bucket="demo-state", CreateBucketConfiguration={"LocationConstraint": "us-east-2"})
    client.put_object(Bucket="demo-state", Key="mine", Body=b"x")
    code, text = run("create-cluster", NAME, "--zones", "us-east-2a")
    assert code == 0
    assert "demo-state is not as clusterbook makes one: it does not block public access, keeps no versions; it" in text
    assert "Status" not in client.get_bucket_versioning(Bucket="demo-state")


def test_two_updates_at_once_are_refused_with_the_name_of_the_other(created: Run) -> None:
    import os

    from clusterbook.cluster import lock
    from clusterbook.cluster.store import open_store

    with lock.hold(open_store(os.environ), NAME, "update-cluster"):
        code, text = created("update-cluster", NAME, "--yes")
    assert code == 1 and "is in use by" in text and "update-cluster" in text


def test_a_cluster_of_other_hosts_has_nothing_in_the_cloud(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CLUSTERBOOK_STATE_STORE", f"file://{tmp_path}/store")
    assert run("create-cluster", "office", "--api-address", "192.0.2.10")[0] == 0
    code, text = run("update-cluster", "office")
    assert code == 3 and "its cluster.yaml has no part 'aws'" in text


def test_missing_credentials_are_said_plainly(created: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import NoCredentialsError

    from clusterbook.cloud.aws import translate

    error = translate(NoCredentialsError(), "ec2:describe_vpcs")
    assert error.message == "there are no AWS credentials for ec2:describe_vpcs"
    assert "clusterbook never asks for keys or keeps them" in error.next_step


@pytest.mark.parametrize("line", [f"update-cluster {NAME}", "eks-join shop"])
def test_a_profile_that_is_not_there_is_said_plainly(created: Run, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    code, text = created(*line.split())
    assert code == 1 and "The config profile (nobody) could not be found\n  next: Set AWS_PROFILE" in text, text


def test_a_cluster_that_is_only_configured_has_no_api_yet_and_the_message_says_what_makes_it(created: Run) -> None:
    for line in ("kubeconfig", "cluster-info", "top", "app-status hello", "status --inventory aws"):
        code, text = created(*line.split())
        assert (code, f"the cluster {NAME!r} has no load balancer yet" in text) == (3, True), text
        assert f"next: Make it with: clusterbook update-cluster {NAME} --yes" in text


def test_a_cluster_without_zones_and_without_an_address_is_refused_with_both_ways(run: Run) -> None:
    code, text = run("create-cluster", "office")
    assert code == 3 and "nothing says where office is to be" in text
    assert "--zones" in text and "--api-address" in text


def test_options_say_how_hosts_are_reached_and_find_the_api(run: Run) -> None:
    chosen = ("--nat", "one", "--bastion", "--private-zone", "demo.internal", "--access", "203.0.113.0/24")
    code, text = run("create-cluster", NAME, "--zones", "us-east-2a", *chosen, "--json")
    aws = json.loads(text)["configuration"]["aws"]
    assert (code, aws["nat"], aws["bastion"], aws["private_zone"]) == (0, "one", {}, "demo.internal")


@pytest.mark.parametrize(("words", "said"), [
    (("--bastion",), "nobody may reach it"), (("--nat", "some"), "'nat' is 'some'"),
])  # fmt: skip
def test_an_option_that_cannot_be_is_refused_before_anything_is_written(
    run: Run, aws: Any, words: tuple[str, ...], said: str
) -> None:
    code, text = run("create-cluster", NAME, "--zones", "us-east-2a", *words)
    assert code == 3 and said in text, text
    assert aws("s3").list_buckets()["Buckets"] == []


def test_what_was_not_ready_in_time_is_told_with_its_resource_how_long_and_what_to_do(
    created: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clusterbook.cloud import aws
    from clusterbook.cloud.aws import Cloud, CloudError

    real = Cloud.call

    def unseen(self: Cloud, service: str, action: str, **arguments: Any) -> Any:
        if action == "attach_internet_gateway":
            raise CloudError("ec2:attach_internet_gateway: not now", "InvalidVpcID.NotFound")
        return real(self, service, action, **arguments)

    monkeypatch.setattr(Cloud, "call", unseen)
    monkeypatch.setattr(aws, "pause", lambda seconds: None)
    code, text = created("update-cluster", NAME, "--yes")
    assert code == 1
    assert f"failed   InternetGateway/{NAME}: ec2:attach_internet_gateway: not now, for 12" in text
    assert "next: Look in AWS at what it names. Run the same command again when AWS is ready" in text


def test_a_cluster_on_hosts_of_ones_own_is_forgotten_once_its_hosts_were_reset(call: Call, kept: Cluster) -> None:
    is_now_formed(kept.store, kept.name)
    code, _, errors = call("delete-cluster", kept.name, "--yes")
    assert code == 3 and "the hosts of hosts still have the cluster" in errors and "invoke reset --yes" not in errors
    assert cluster_names(kept.store) == [kept.name]
    forget_access(kept.store, kept.name)
    code, output, _ = call("delete-cluster", kept.name)
    assert code == 2 and kept.store.address in output and cluster_names(kept.store) == [kept.name]
    code, output, _ = call("delete-cluster", kept.name, "--json")
    assert code == 2 and [one["kind"] for one in json.loads(output)] == ["Cluster"]
    code, output, _ = call("delete-cluster", kept.name, "--yes")
    assert (code, output) == (0, f"{kept.name} is gone.\n")
    assert kept.store.names(kept.name) == [] and cluster_names(kept.store) == []


def test_one_whose_hosts_are_gone_for_good_is_forgotten_by_force(call: Call, kept: Cluster) -> None:
    is_now_formed(kept.store, kept.name)
    code, output, _ = call("delete-cluster", kept.name, "--force", "--yes", "--json")
    assert code == 0 and json.loads(output)["failed"] == {}
    assert cluster_names(kept.store) == []
