"""Secrets and ConfigMaps reach pods, and change, without a new image."""

from __future__ import annotations

from clusterbook.cluster.acceptance import objects
from clusterbook.cluster.acceptance.space import Space, until


def test_secrets_and_configmaps_arrive_as_variables_and_files(space: Space) -> None:
    mounts = [{"name": "settings", "mountPath": "/settings"}, {"name": "keys", "mountPath": "/keys"}]
    sources = [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "keys"}}]
    reader = objects.container(space.images.busybox, "sh", "-c", objects.FOREVER, envFrom=sources, volumeMounts=mounts)
    volumes = [
        {"name": "settings", "configMap": {"name": "settings"}},
        {"name": "keys", "secret": {"secretName": "keys", "defaultMode": 0o400}},
    ]
    space.apply(
        objects.keyed("ConfigMap", "settings", {"COLOUR": "green"}),
        objects.keyed("Secret", "keys", {"TOKEN": "s3cret-värde"}),
        objects.pod("reader", reader, volumes=volumes),
    )
    space.ready("pod/reader")
    seen = space.shell(
        "reader", 'echo "$COLOUR $TOKEN"; cat /settings/COLOUR; echo; cat /keys/TOKEN; echo; stat -Lc %a /keys/TOKEN'
    )
    assert seen.splitlines() == ["green s3cret-värde", "green", "s3cret-värde", "400"]
    assert "tmpfs" in space.shell("reader", "grep ' /keys ' /proc/mounts")


def test_a_changed_configmap_reaches_a_running_pod(space: Space) -> None:
    mounts = [{"name": "settings", "mountPath": "/settings"}]
    reader = objects.container(space.images.busybox, "sh", "-c", objects.FOREVER, volumeMounts=mounts)
    space.apply(
        objects.keyed("ConfigMap", "settings", {"colour": "green"}),
        objects.pod("reader", reader, volumes=[{"name": "settings", "configMap": {"name": "settings"}}]),
    )
    space.ready("pod/reader")
    space.apply(objects.keyed("ConfigMap", "settings", {"colour": "blue"}))
    # kubelet looks at a pod about once a minute; a changed annotation makes it look now.
    space.kubectl.run("annotate", "pod", "reader", "look=now")
    until(lambda: space.inside("reader", "cat", "/settings/colour") == "blue", "the new value in the running pod", 120)
    restarts = space.kubectl.json("get", "pod", "reader")["status"]["containerStatuses"][0]["restartCount"]
    assert restarts == 0
