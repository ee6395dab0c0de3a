"""Volumes keep what was written as long as they promise."""

from __future__ import annotations

import contextlib

from clusterbook.cluster.acceptance import objects
from clusterbook.cluster.acceptance.conftest import Opener
from clusterbook.cluster.acceptance.space import Space, until

PARENT = "/var/lib/clusterbook-acceptance"
DIES_WHEN_TOLD = "while ! test -e /data/die; do sleep 0.2; done; rm /data/die; exit 1"


def test_an_empty_directory_is_shared_by_containers_and_survives_a_restart(space: Space) -> None:
    mounts = [{"name": "data", "mountPath": "/data"}]
    one = objects.container(space.images.busybox, "sh", "-c", DIES_WHEN_TOLD, volumeMounts=mounts)
    other = objects.container(space.images.busybox, "sh", "-c", objects.FOREVER, name="other", volumeMounts=mounts)
    space.apply(objects.pod("both", one, other, volumes=[{"name": "data", "emptyDir": {}}]))
    space.ready("pod/both")
    space.kubectl.run("exec", "both", "-c", "other", "--", "sh", "-c", "echo kept > /data/file; touch /data/die")
    restarts = "--output=jsonpath={.status.containerStatuses[?(@.name=='main')].restartCount}"
    until(lambda: space.kubectl.run("get", "pod", "both", restarts) == "1", "the container to be restarted")
    space.ready("pod/both")
    assert space.inside("both", "cat", "/data/file") == "kept\n"


def test_a_persistent_volume_outlives_the_pods_that_use_it(open_space: Opener) -> None:
    with open_space(privileged=True) as space:
        node, path = space.workers[0], f"{PARENT}/{space.name}"
        space.apply_outside(local_volume(space.name, node, path))
        space.apply(claim(space.name))
        mounts = [{"name": "data", "mountPath": "/data"}]
        volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
        try:
            for name, line in (("writer", "echo kept > /data/file"), ("reader", "cat /data/file")):
                user = objects.container(space.images.busybox, "sh", "-c", line, volumeMounts=mounts)
                space.apply(objects.pod(name, user, volumes=volumes, restartPolicy="Never"))
                phase = "--for=jsonpath={.status.phase}=Succeeded"
                space.kubectl.run("wait", phase, f"pod/{name}", "--timeout=120s", seconds=125)
            reader = space.kubectl.json("get", "pod", "reader")
            assert space.kubectl.run("logs", "reader") == "kept\n"
            assert reader["spec"]["nodeName"] == node
        finally:
            with contextlib.suppress(Exception):
                space.kubectl.run("delete", "pod", "writer", "reader", "--ignore-not-found", "--now")
            remove_directory(space, node)


def local_volume(name: str, node: str, path: str) -> objects.Object:
    """A volume on one host, made when first used."""
    term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}
    spec = {
        "capacity": {"storage": "8Mi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": name,
        "persistentVolumeReclaimPolicy": "Retain",
        "hostPath": {"path": path, "type": "DirectoryOrCreate"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
    }
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}


def claim(storage_class: str) -> objects.Object:
    """A claim that fits that volume alone."""
    resources = {"requests": {"storage": "4Mi"}}
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": storage_class, "resources": resources}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": spec}


def remove_directory(space: Space, node: str) -> None:
    """Leave the host as it was."""
    mounts = [{"name": "parent", "mountPath": "/parent"}]
    above, below = PARENT.rsplit("/", 1)
    volumes = [{"name": "parent", "hostPath": {"path": above}}]
    line = f"rm -rf /parent/{below}"
    broom = objects.container(space.images.busybox, "sh", "-c", line, volumeMounts=mounts)
    space.apply(objects.pod("broom", broom, volumes=volumes, restartPolicy="Never", **objects.on(node)))
    space.kubectl.run("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/broom", "--timeout=120s", seconds=125)
