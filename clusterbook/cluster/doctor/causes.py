"""What breaks clusters, the more fundamental first: what stands earlier often brings about what stands later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CAUSES: Mapping[str, str] = {
    "host-unreachable": "a host cannot be reached over ssh",
    "clock-skew": "a host's clock is wrong",
    "disk-full": "a file system is full",
    "swap-on": "swap is on, which the kubelet refuses",
    "same-machine-id": "two hosts have one machine id",
    "forwarding-off": "a host does not forward packets",
    "networks-overlap": "hosts have addresses inside a network of pods or services",
    "port-taken": "another program holds a component's port",
    "certificate-expired": "a certificate has expired",
    "certificate-foreign": "a certificate is not signed by this cluster's CA",
    "keys-differ": "control planes check service accounts with different keys",
    "etcd-no-quorum": "too few members of etcd are up",
    "etcd-full": "etcd has reached its quota and takes no writes",
    "unit-off": "a component was stopped, disabled, masked or removed",
    "unit-failing": "a component starts and ends again",
    "etcd-member-lost": "a member of etcd does not answer",
    "api-unreachable": "a node does not reach the API, which others do",
    "token-refused": "a host's bootstrap token is refused, so it cannot join",
    "request-not-approved": "a kubelet's certificate request is not approved",
    "cgroup-drivers-differ": "kubelet and containerd use different cgroup drivers",
    "cni-not-configured": "a host has no network configuration for pods",
    "pod-network-wrong": "a node's pod network is not part of the cluster's",
    "kubelet-newer": "a kubelet is newer than the API server",
    "node-pressure": "a node is short of memory, disk or processes",
    "node-not-ready": "a node is not ready",
    "node-cordoned": "a node takes no new pods",
    "dns-without-pods": "no pod answers DNS",
    "webhook-without-pods": "an admission webhook that nobody answers refuses objects",
    "api-service-down": "an extension of the API does not answer",
    "namespace-stuck": "a namespace cannot be removed",
    "volume-not-bound": "a claim finds no volume",
    "pod-unschedulable": "no node takes a pod",
    "image-not-pullable": "an image cannot be pulled",
    "configuration-missing": "a pod names a ConfigMap, a Secret or a key that is not there",
    "out-of-memory": "a container was ended for using more memory than its limit",
    "container-crashing": "a container ends again and again",
    "probe-failing": "a container runs and is not ready",
    "pod-stuck": "a pod does not end",
}


@dataclass(frozen=True)
class Diagnosis:
    """One cause at one place. cause: a key of CAUSES; where: a host or object; seen: what told of it."""

    cause: str
    where: str
    seen: str
    next_step: str


def in_order(found: Sequence[Diagnosis]) -> list[Diagnosis]:
    """The more fundamental first, each once."""
    rank = {name: index for index, name in enumerate(CAUSES)}
    return sorted(dict.fromkeys(found), key=lambda one: (rank[one.cause], one.where))
