"""Whether a cluster is well: one list of findings for validate, verify, status, doctor and upgrade gates."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from clusterbook.cluster import etcd
from clusterbook.cluster.cluster import Cluster
from clusterbook.cluster.kube import Kubectl, said
from clusterbook.errors import Failed

SYSTEM_NAMESPACES = ("kube-system", "kube-flannel")
DNS_SECONDS = 60.0
PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure")
"""Conditions under which a node takes no new pods, and may send some away."""
PATIENCE = timedelta(seconds=20)
"""What is on its way is nothing to tell of before, such as a pod that goes; clocks differ by less."""
_TIMEOUT = "--request-timeout=5s"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. what: api, etcd, node, pod, dns. next_step: only when it is not well."""

    what: str
    subject: str
    healthy: bool
    detail: str
    next_step: str = ""


@dataclass(frozen=True)
class Hosts:
    """Who should be there, from the inventory: host name -> address."""

    control_planes: Mapping[str, str]
    etcd: Mapping[str, str]
    nodes: tuple[str, ...]


def check(cluster: Cluster, kubectl: Kubectl, hosts: Hosts, *, test_image: str = "") -> list[Finding]:
    """Everything, in parallel. test_image: an image with nslookup; empty leaves the DNS check out."""
    looks: list[Callable[[], Iterable[Finding]]] = [
        lambda: apis(kubectl, hosts, int(cluster.spec.complete["api_server_port"])),
        lambda: members(cluster, hosts),
        lambda: nodes(kubectl, hosts),
        lambda: pods(kubectl),
    ]
    if test_image:
        looks.append(lambda: dns(kubectl, test_image, str(cluster.spec.complete["cluster_domain"])))
    with ThreadPoolExecutor(len(looks)) as executor:
        return [finding for found in executor.map(lambda look: list(look()), looks) for finding in found]


def wait(look: Callable[[], list[Finding]], seconds: float, say: Callable[[Sequence[Finding]], None]) -> list[Finding]:
    """Look again until all is well or the time is over. say: told what is not well yet, after each look."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        sick = [finding for finding in found if not finding.healthy]
        if not sick or time.monotonic() >= end:
            return found
        say(sick)
        time.sleep(min(1.0, max(0.0, end - time.monotonic())))


def apis(kubectl: Kubectl, hosts: Hosts, port: int) -> list[Finding]:
    """Each control plane's own API server says it is ready."""

    def one(host: str, address: str) -> Finding:
        words = _asked(kubectl, "get", "--raw=/readyz", f"--server=https://{address}:{port}", _TIMEOUT)
        step = f"Look at its log: invoke ssh {host} -- sudo journalctl -u kube-apiserver -n 50"
        return Finding("api", host, words == "ok", words, "" if words == "ok" else step)

    with ThreadPoolExecutor(max(1, len(hosts.control_planes))) as executor:
        return list(executor.map(lambda item: one(*item), hosts.control_planes.items()))


def members(cluster: Cluster, hosts: Hosts) -> list[Finding]:
    """Each etcd host answers, all name one leader, and the members are the inventory's."""
    answers = asked(cluster, hosts)
    return [judge_member(answer, len(hosts.etcd), {other.leader for other in answers}) for answer in answers]


def asked(cluster: Cluster, hosts: Hosts) -> list[etcd.Member]:
    """What the etcd of each host says of itself."""
    with etcd.client(cluster) as context, ThreadPoolExecutor(max(1, len(hosts.etcd))) as executor:
        return list(executor.map(lambda item: etcd.ask(context, *item), hosts.etcd.items()))


def judge_member(answer: etcd.Member, expected: int, leaders: set[str]) -> Finding:
    """One etcd answer as a finding. leaders: what all answers name; an absent answer names ''."""
    step = f"Look at its log: invoke ssh {answer.host} -- sudo journalctl -u etcd -n 50"
    named = leaders - {""}
    if answer.problem:
        return Finding("etcd", answer.host, False, answer.problem, step)
    if answer.leader in ("", "0"):
        return Finding("etcd", answer.host, False, "has no leader: too few members are up", step)
    if len(named) > 1:
        return Finding("etcd", answer.host, False, "members name different leaders", step)
    if len(answer.members) != expected:
        detail = f"{len(answer.members)} members ({', '.join(answer.members)}), the inventory has {expected}"
        return Finding("etcd", answer.host, False, detail, "Run: invoke provision")
    role = "leader" if answer.leader == answer.identity else "follower"
    return Finding("etcd", answer.host, True, f"{role}, {answer.version}, {answer.database_bytes // 1024} KiB")


def nodes(kubectl: Kubectl, hosts: Hosts) -> list[Finding]:
    """Every host that should be a node is one, and Ready."""
    try:
        listed = kubectl.json("get", "nodes", _TIMEOUT)["items"]
    except Failed as error:
        return [Finding("node", "all", False, error.message, error.next_step)]
    return judge_nodes(listed, hosts.nodes)


def judge_nodes(listed: Sequence[Mapping[str, Any]], expected: Sequence[str]) -> list[Finding]:
    """Node objects as findings; expected ones that are absent and unknown ones too."""
    found = {str(item["metadata"]["name"]): item for item in listed}
    absent = [
        Finding("node", name, False, "has not joined", _kubelet_log(name))
        for name in expected
        if name not in found
    ]
    return [*(_node(name, item) for name, item in found.items()), *absent]


def _node(name: str, item: Mapping[str, Any]) -> Finding:
    conditions = {each["type"]: each for each in item.get("status", {}).get("conditions", [])}
    ready = conditions.get("Ready", {})
    version = item.get("status", {}).get("nodeInfo", {}).get("kubeletVersion", "")
    if ready.get("status") == "True":
        if short := short_of(conditions):
            detail = f"Ready, {version}, but takes no new pods: {', '.join(short)}"
            return Finding("node", name, False, detail, f"Look at: invoke kubectl -- describe node {name}")
        cordoned = ", cordoned" if item.get("spec", {}).get("unschedulable") else ""
        return Finding("node", name, True, f"Ready, {version}{cordoned}")
    detail = str(ready.get("message") or "has said nothing yet")
    return Finding("node", name, False, detail, _kubelet_log(name))


def _kubelet_log(node: str) -> str:
    return f"Look at: invoke ssh {node} -- sudo journalctl -u kubelet -n 50"


def short_of(conditions: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Which of PRESSURES a node is under. conditions: its own, by type."""
    return [kind for kind in PRESSURES if conditions.get(kind, {}).get("status") == "True"]


def pods(kubectl: Kubectl) -> list[Finding]:
    """The cluster's own pods run."""
    try:
        listed = kubectl.json("get", "pods", "--all-namespaces", _TIMEOUT)["items"]
    except Failed as error:
        return [Finding("pod", "all", False, error.message, error.next_step)]
    return [_pod(item) for item in listed if item["metadata"]["namespace"] in SYSTEM_NAMESPACES]


def _pod(item: Mapping[str, Any]) -> Finding:
    namespace, name = item["metadata"]["namespace"], item["metadata"]["name"]
    status, node = item.get("status", {}), item.get("spec", {}).get("nodeName", "?")
    look = f"Look at: invoke kubectl -- -n {namespace} describe pod {name}"
    conditions = {each["type"]: each["status"] for each in status.get("conditions", [])}
    if status.get("phase") == "Succeeded" or conditions.get("Ready") == "True":
        return Finding("pod", name, True, f"{status.get('phase')} on {node}")
    if leaves := item["metadata"].get("deletionTimestamp"):  # when its grace is over, not when it was asked to go
        if datetime.now(UTC) - datetime.fromisoformat(leaves) <= PATIENCE:
            return Finding("pod", name, True, f"Terminating on {node}")
        return Finding("pod", name, False, f"should have ended at {leaves}; its node is {node}", look)
    waiting = [
        str(reason.get("message") or reason.get("reason"))
        for container in status.get("containerStatuses", [])
        for reason in container.get("state", {}).values()
        if reason.get("reason")
    ]
    phase = str(status.get("phase", "Unknown"))
    detail = "; ".join(waiting) or {"Running": "runs, but is not ready"}.get(phase, phase)
    return Finding("pod", name, False, detail, look)


def dns(kubectl: Kubectl, image: str, domain: str) -> list[Finding]:
    """A pod of its own finds the API by name; the pod is removed again."""
    name = f"clusterbook-dns-{secrets.token_hex(3)}"
    target = f"kubernetes.default.svc.{domain}"
    loop = f"for i in 1 2 3 4 5; do nslookup {target} && exit 0; sleep 1; done; exit 1"
    done = kubectl.try_run(
        "run", name, f"--image={image}", "--restart=Never", "--rm", "--attach", "--quiet",
        f"--pod-running-timeout={DNS_SECONDS:.0f}s", "--command", "--", "sh", "-c", loop, seconds=2 * DNS_SECONDS,
    )  # fmt: skip
    if done.returncode == 0:
        return [Finding("dns", target, True, "answers in a pod")]
    kubectl.try_run("delete", "pod", name, "--ignore-not-found", "--now", "--wait=false")
    words = (said(done.stderr) or said(done.stdout)).splitlines()
    step = "Look at: invoke kubectl -- -n kube-system logs -l k8s-app=kube-dns"
    return [Finding("dns", target, False, words[-1] if words else "no answer in a pod", step)]


def _asked(kubectl: Kubectl, *arguments: str) -> str:
    try:
        done = kubectl.try_run(*arguments, seconds=15)
    except Failed as error:
        return error.message
    words = said(done.stdout if done.returncode == 0 else done.stderr)
    return words.splitlines()[-1] if words else f"exit status {done.returncode}"
