"""cluster.yaml: closed, explained, completed."""

from __future__ import annotations

from typing import Any

import pytest

from clusterbook.cluster import spec
from clusterbook.cluster.store import FileStore
from clusterbook.errors import InvalidInput, InvalidProject

SMALL = "cluster_name: lab\napi_address: 10.77.0.10\n"


def problems(text: str) -> list[InvalidInput]:
    with pytest.raises(InvalidProject) as caught:
        spec.parse(text, "cluster.yaml")
    return list(caught.value.problems)


def test_a_name_and_an_address_are_enough_and_the_rest_is_completed() -> None:
    found = spec.parse(SMALL, "cluster.yaml")
    assert dict(found.written) == {"cluster_name": "lab", "api_address": "10.77.0.10"}
    assert found.complete["service_cidr"] == "10.96.0.0/16"
    assert found.complete["kubernetes_service_address"] == "10.96.0.1"
    assert found.complete["cluster_dns_address"] == "10.96.0.10"
    assert set(found.complete) == set(spec.cluster_schema()["properties"]) - {"aws"}


def test_computed_addresses_follow_the_service_range_unless_written() -> None:
    text = SMALL + "service_cidr: 172.30.0.0/20\n"
    assert spec.parse(text, "f").complete["cluster_dns_address"] == "172.30.0.10"
    assert spec.parse(text + "cluster_dns_address: 172.30.0.53\n", "f").complete["cluster_dns_address"] == "172.30.0.53"


def test_all_problems_come_at_once_with_their_places_and_the_nearest_right_name() -> None:
    found = problems("cluster_name: lab\napi_adress: x\nservice_cidr: nonsense\ncni: calico\n")
    shown = [(str(problem.where), problem.message) for problem in found]
    assert shown[0] == ("cluster.yaml:1:1", "key 'api_address' is missing in cluster.yaml")
    assert shown[1] == ("cluster.yaml:2:1", "unknown key 'api_adress' of cluster.yaml; did you mean 'api_address'?")
    assert shown[2][0] == "cluster.yaml:3:15"
    assert shown[2][1] == ("'service_cidr' is 'nonsense', expected an IPv4 range of a prefix from /8 to /32, such as "
                           "10.96.0.0/16")  # fmt: skip
    assert shown[3] == ("cluster.yaml:4:6", "'cni' is 'calico', expected one of flannel, bridge-routes")
    assert len(found) == 4
    assert all(problem.next_step for problem in found)


@pytest.mark.parametrize("text", ["", "- a\n", "plain\n"])
def test_a_file_that_is_no_mapping_is_refused(text: str) -> None:
    assert problems(text)[0].message == "cluster.yaml must be a mapping of keys to values"


def test_an_expression_is_refused_because_nothing_could_evaluate_it() -> None:
    (problem,) = problems("cluster_name: lab\napi_address: '{{ x }}'\n")
    assert str(problem.where) == "cluster.yaml:2:1"
    assert problem.message == "api_address holds an expression; cluster.yaml takes plain values"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("service_cidr: 10.96.0.1/16", "10.96.0.1/16 is not the start of its range, 10.96.0.0/16"),
        ("pod_cidr: 10.96.128.0/17", "10.96.128.0/17 overlaps service_cidr 10.96.0.0/16"),
        ("cluster_dns_address: 10.77.0.1", "10.77.0.1 is not inside service_cidr 10.96.0.0/16"),
        ("pod_cidr: 10.244.0.0/25", "a node's part of /24 does not fit into pod_cidr 10.244.0.0/25"),
    ],
)
def test_networks_that_cannot_work_together_are_refused(lines: str, message: str) -> None:
    (problem,) = problems(SMALL + lines + "\n")
    assert message in problem.message
    assert str(problem.where) == "cluster.yaml:3:1"


def test_what_is_rendered_reads_back_and_explains_each_key() -> None:
    keys: dict[str, Any] = {"cluster_name": "lab", "api_address": "10.77.0.10", "api_certificate_names": ["a.example"]}
    text = spec.render(keys)
    assert dict(spec.parse(text, "cluster.yaml").written) == keys
    assert text.count("#") >= 4


def test_an_absent_cluster_says_how_to_make_one(store: FileStore) -> None:
    with pytest.raises(InvalidInput, match="there is no cluster 'lab' in the store file://") as caught:
        spec.read(store, "lab")
    assert "invoke create-cluster lab" in caught.value.next_step


def test_a_cluster_file_that_names_another_cluster_is_refused(store: FileStore) -> None:
    store.write("other/cluster.yaml", SMALL.encode())
    with pytest.raises(InvalidInput, match="cluster_name is 'lab' in the folder of 'other'") as caught:
        spec.read(store, "other")
    assert str(caught.value.where).endswith("other/cluster.yaml:1:1")


def test_a_version_that_no_catalog_has_is_refused_where_it_is_written() -> None:
    with pytest.raises(InvalidProject) as refused:
        spec.parse("cluster_name: lab\napi_address: 10.77.0.10\nkubernetes_version: 1.30.0\n", "cluster.yaml")
    (problem,) = refused.value.problems
    assert problem.message == "kubernetes_version: 1.30.0 is not supported"
    assert (problem.where.line, problem.next_step) == (3, "Choose one of 1.37.2, 1.36.3, 1.36.1.")


def test_an_unknown_version_of_another_component_is_refused_where_it_is_written() -> None:
    text = "cluster_name: lab\napi_address: 10.77.0.10\ncomponent_versions:\n  containerd: 2.3.7\n  etcd: 3.4.1\n"
    with pytest.raises(InvalidProject) as refused:
        spec.parse(text, "cluster.yaml")
    (problem,) = refused.value.problems
    assert problem.message == "etcd: 3.4.1 is not supported"
    assert (problem.where.line, problem.next_step) == (5, "Choose one of 3.7.3, 3.6.16.")


AWS = "cluster_name: demo\naws:\n  zones: [us-east-2a, us-east-2b]\n"


def test_zones_are_enough_for_a_cluster_on_ec2() -> None:
    found = spec.parse(AWS, "cluster.yaml").complete
    assert found["aws"]["region"] == "us-east-2"
    assert found["aws"]["control_plane"]["count"] == 1
    (group,) = found["aws"]["worker_groups"]
    assert (group["name"], group["minimum"], group["count"], group["maximum"]) == ("nodes", 2, 2, 2)
    assert found["api_endpoint_mode"] == "local_proxy"
    assert "api_address" not in found


@pytest.mark.parametrize(("lines", "mode"), [
    ("  nat: each_zone\n", "local_proxy"),
    ("  private_zone: demo.internal\n", "external"),
    ("  api_scheme: internal\n", "external"),
])  # fmt: skip
def test_workers_on_ec2_reach_the_api_inside_the_vpc_by_what_there_is(lines: str, mode: str) -> None:
    assert spec.parse(AWS + lines, "cluster.yaml").complete["api_endpoint_mode"] == mode
    chosen = f"api_endpoint_mode: local_proxy\n{AWS}{lines}"
    assert spec.parse(chosen, "cluster.yaml").complete["api_endpoint_mode"] == "local_proxy"


@pytest.mark.parametrize(("mode", "words"), [
    ("external", "would send workers to the internet-facing load balancer"),
    ("keepalived", "cannot move between instances of EC2"),
])  # fmt: skip
def test_a_way_to_the_api_that_ec2_does_not_have_is_refused(mode: str, words: str) -> None:
    with pytest.raises(InvalidProject) as refused:
        spec.parse(f"api_endpoint_mode: {mode}\n{AWS}", "cluster.yaml")
    (problem,) = refused.value.problems
    assert words in problem.message and str(problem.where) == "cluster.yaml:1:1"


def test_the_address_of_a_cluster_on_ec2_is_what_was_made(store: FileStore) -> None:
    store.write("demo/cluster.yaml", AWS.encode())
    assert "api_address" not in spec.read(store, "demo").complete
    store.write("demo/state.json", b'{"api_address": "api.example"}')
    assert spec.read(store, "demo").complete["api_address"] == "api.example"


def test_a_cluster_on_ec2_has_a_name_that_iam_s_roles_can_have() -> None:
    longest = AWS.replace("demo", "a" * 56)
    assert spec.parse(longest, "cluster.yaml").complete["cluster_name"] == "a" * 56
    (problem,) = problems(AWS.replace("demo", "a" * 57))
    assert problem.message.startswith("cluster_name: a cluster on EC2 has at most 56 letters"), problem
    assert problem.where and problem.where.line == 1


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("  vpc_cidr: 10.244.0.0/16", "aws.vpc_cidr: 10.244.0.0/16 overlaps pod_cidr 10.244.0.0/16"),
        ("  vpc_cidr: 10.20.1.0/16", "aws.vpc_cidr: 10.20.1.0/16 is not the start of its range, 10.20.0.0/16"),
        ("  region: eu-west-1", "aws.zones: us-east-2a is not in region eu-west-1"),
        (f"  tags: {{{', '.join(f't{number}: x' for number in range(41))}}}",
         "aws.tags: there are 41; AWS takes 50 of a resource, and some are the cluster's own, which leaves 40"),
        ("  tags: {team: 'a,b'}",
         "'team' is 'a,b', expected at most 256 letters, digits, spaces and _ . : / = + - @, which all services take"),
        ("  worker_groups: [{name: a}, {name: a}]", "aws.worker_groups: the name 'a' is there twice"),
        ("  worker_groups: [{name: a, count: 3, maximum: 2}]",
         "aws.worker_groups: the count 3 of 'a' is outside 3 to 2"),
        ("  worker_groups: [{name: a, on_demand_base: 1}]",
         "aws.worker_groups: 'a' says how many are bought on demand; without spot all are"),
        ("  worker_groups: [{name: a, instance_types: [t3.medium, t4g.medium]}]",
         "aws.worker_groups: t4g.medium is a machine of arm64, and images and programs of hosts are those of amd64"),
        ("  control_plane: {instance_type: m7gd.large}",
         "aws.control_plane: m7gd.large is a machine of arm64, and images and programs of hosts are those of amd64"),
        ("  worker_groups: [{name: a, zones: [us-east-2c]}]",
         "aws.worker_groups: zone us-east-2c of 'a' is not one of aws.zones"),
        ("  zone: x", "unknown key 'zone' of an aws; did you mean 'zones'?"),
        ("  worker_groups: [{name: a, maximum: 200}, {name: b, maximum: 100}]\nnode_pod_prefix_bits: 24",
         "aws: control planes and the most workers of all groups are 301 nodes, and pod_cidr 10.244.0.0/16 has "
         "room for 256 in parts of /24"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_part_for_ec2_is_said_with_its_line(lines: str, message: str) -> None:
    found = problems(AWS + lines + "\n")
    assert message in [problem.message for problem in found]
    assert all(problem.where and problem.where.line >= 3 and problem.next_step for problem in found)


@pytest.mark.parametrize(("label", "refused"), [
    ("tier", False), ("example.org/tier", False), ("node.kubernetes.io/tier", False),
    ("kubernetes.io/os", True), ("node-role.kubernetes.io/worker", True), ("k8s.io/a", True),
])  # fmt: skip
def test_a_group_of_workers_may_not_have_labels_that_a_kubelet_may_not_set(label: str, refused: bool) -> None:
    group = f"{{name: a, labels: {{{label}: x}}}}"
    text = f"cluster_name: demo\naws:\n  zones: [us-east-2a]\n  worker_groups: [{group}]\n"
    if refused:
        with pytest.raises(InvalidProject) as raised:
            spec.parse(text, "cluster.yaml")
        assert f"may not give themselves the label {label}" in raised.value.problems[0].message
    else:
        assert spec.parse(text, "cluster.yaml").complete["aws"]["worker_groups"][0]["labels"] == {label: "x"}
