"""People look into pods, and everybody may do what they were given the right to."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from clusterbook.cluster.acceptance import objects
from clusterbook.cluster.acceptance.space import Space
from clusterbook.cluster.kube import Kubectl

# Once a minute the kubelet removes all but one of the containers of a name that do not run. One that is made and not
# started yet counts: where the minute falls there, the container before it is gone (kubelet, kuberuntime_gc.go).
COLLECTED, PODS = "unable to retrieve container logs", 3


def test_logs_are_shown_also_of_the_container_before(space: Space) -> None:
    mounts = [{"name": "data", "mountPath": "/data"}]
    line = f"test -e /data/x && {{ echo second; {objects.FOREVER}; }}; touch /data/x; echo first; exit 1"
    talker = objects.container(space.images.busybox, "sh", "-c", line, volumeMounts=mounts)
    restarted = "--for=jsonpath={.status.containerStatuses[0].restartCount}=1"
    for name in (f"talker-{number}" for number in range(PODS)):
        space.apply(objects.pod(name, talker, volumes=[{"name": "data", "emptyDir": {}}]))
        space.kubectl.run("wait", restarted, f"pod/{name}", "--timeout=120s", seconds=125)
        space.ready(f"pod/{name}")
        assert space.kubectl.run("logs", name) == "second\n"
        before = space.kubectl.run("logs", name, "--previous")
        if not before.startswith(COLLECTED):
            break
    assert before == "first\n"


def test_exec_passes_input_output_and_exit_status(space: Space) -> None:
    space.apply(objects.pod("shell", objects.container(space.images.busybox, "sh", "-c", objects.FOREVER)))
    space.ready("pod/shell")
    assert space.kubectl.run("exec", "--stdin", "shell", "--", "tr", "a-z", "A-Z", stdin="hello") == "HELLO"
    done = space.kubectl.try_run("exec", "shell", "--", "sh", "-c", "echo wrong >&2; exit 7")
    assert done.returncode == 7
    assert done.stderr.startswith("wrong\n")


def test_port_forward_reaches_a_pod_from_the_local_machine(space: Space) -> None:
    space.apply(objects.pod("web", objects.server(space.images.agnhost)))
    space.ready("pod/web")
    process = subprocess.Popen(
        space.kubectl.argv("port-forward", "pod/web", ":8080", "--address=127.0.0.1"), executable=space.kubectl.binary,
        env=dict(space.kubectl.environment()), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first.startswith("Forwarding from 127.0.0.1:"), first
        port = int(first.split("127.0.0.1:")[1].split()[0])
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{port}/hostname", timeout=20) as answer:
            assert answer.read() == b"web"
    finally:
        process.terminate()
        process.communicate()


def test_a_service_account_may_do_what_its_role_says_and_nothing_else(space: Space, tmp_path: Path) -> None:
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]
    access = "rbac.authorization.k8s.io"
    space.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "reader"}},
        {"apiVersion": f"{access}/v1", "kind": "Role", "metadata": {"name": "reader"}, "rules": rules},
        {
            "apiVersion": f"{access}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "reader"},
            "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": space.name}],
            "roleRef": {"apiGroup": access, "kind": "Role", "name": "reader"},
        },
    )
    reader = as_service_account(space, "reader", tmp_path)
    assert reader.run("get", "pods", "--output=name") == ""
    for refused in (("get", "secrets"), ("delete", "pod", "nobody"), ("get", "pods", "--namespace=kube-system")):
        done = reader.try_run(*refused)
        assert done.returncode != 0
        assert f'User "system:serviceaccount:{space.name}:reader" cannot' in done.stderr


def test_nobody_is_let_in_without_a_credential(kubectl: Kubectl) -> None:
    document = json.loads(kubectl.run("config", "view", "--raw", "--flatten", "--output=json"))
    server = document["clusters"][0]["cluster"]
    authority = base64.b64decode(server["certificate-authority-data"]).decode()
    tls = urllib.request.HTTPSHandler(context=ssl.create_default_context(cadata=authority))
    stranger = urllib.request.build_opener(urllib.request.ProxyHandler({}), tls)
    with stranger.open(f"{server['server']}/readyz", timeout=20) as answer:
        assert answer.read() == b"ok"
    for closed in ("/api/v1/namespaces", "/version", "/apis", "/metrics"):
        with pytest.raises(urllib.error.HTTPError, match="401"):
            stranger.open(server["server"] + closed, timeout=20)


def as_service_account(space: Space, name: str, directory: Path) -> Kubectl:
    """kubectl with nothing but a fresh token of that service account."""
    return with_user(space, directory, {"token": space.kubectl.run("create", "token", name).strip()})


def with_user(space: Space, directory: Path, user: dict[str, str]) -> Kubectl:
    """kubectl with another user on the same cluster."""
    document = json.loads(space.kubectl.run("config", "view", "--raw", "--flatten", "--output=json"))
    document["users"] = [{"name": each["name"], "user": user} for each in document["users"]]
    file = directory / "kubeconfig"
    file.touch(0o600)
    file.write_text(json.dumps(document))
    return Kubectl(space.kubectl.binary, file, space.kubectl.options)
