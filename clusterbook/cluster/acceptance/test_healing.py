"""What dies is started again, by whoever is responsible."""

from __future__ import annotations

from clusterbook.cluster.acceptance import objects
from clusterbook.cluster.acceptance.space import Space, until


def test_a_killed_container_is_started_again_in_its_pod(space: Space) -> None:
    line = "trap 'exit 3' TERM; while :; do sleep 0.2; done"
    space.apply(objects.deployment("web", objects.container(space.images.busybox, "sh", "-c", line)))
    space.ready("deployment/web")
    (before,) = space.pods("web")
    space.shell(before["metadata"]["name"], "kill -TERM 1")

    def healed() -> bool:
        (pod,) = space.pods("web")
        (status,) = pod["status"]["containerStatuses"]
        return bool(
            pod["metadata"]["uid"] == before["metadata"]["uid"] and status["restartCount"] == 1 and status["ready"]
        )

    until(healed, "the same pod with one restart")
    (after,) = space.pods("web")
    assert after["status"]["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 3


def test_a_failing_liveness_probe_restarts_the_container(space: Space) -> None:
    probe = {
        "exec": {"command": ["test", "!", "-e", "/state/sick"]},
        "periodSeconds": 1,
        "failureThreshold": 1,
        "timeoutSeconds": 20,
    }
    mounts = [{"name": "state", "mountPath": "/state"}]
    line = f"rm -f /state/sick; {objects.FOREVER}"
    server = objects.container(space.images.busybox, "sh", "-c", line, livenessProbe=probe, volumeMounts=mounts)
    space.apply(objects.pod("web", server, volumes=[{"name": "state", "emptyDir": {}}]))
    space.ready("pod/web")
    space.inside("web", "touch", "/state/sick")
    restarts = "--output=jsonpath={.status.containerStatuses[0].restartCount}"
    until(lambda: space.kubectl.run("get", "pod", "web", restarts) == "1", "the container to be restarted")
    space.ready("pod/web")


def test_a_deleted_pod_of_a_deployment_is_replaced(space: Space) -> None:
    space.apply(objects.deployment("web", objects.server(space.images.agnhost)))
    space.ready("deployment/web")
    (before,) = space.pods("web")
    space.kubectl.run("delete", "pod", before["metadata"]["name"], "--wait=false")
    until(lambda: before["metadata"]["name"] not in {one["metadata"]["name"] for one in space.pods("web")}, "it to go")
    space.ready("deployment/web")
    assert len(space.pods("web")) == 1
