"""What harms other pods for a while: these tests run by themselves, after the others."""

from __future__ import annotations

from clusterbook.cluster.acceptance import objects
from clusterbook.cluster.acceptance.conftest import Opener
from clusterbook.cluster.acceptance.space import until


def test_a_killed_kubelet_is_back_in_seconds_and_its_pods_never_noticed(open_space: Opener) -> None:
    with open_space(privileged=True) as space:
        node = space.workers[-1]
        doctor = objects.container(
            space.images.busybox, "sh", "-c", objects.FOREVER, securityContext={"privileged": True}
        )
        bystander = objects.server(space.images.agnhost)
        space.apply(
            objects.pod("doctor", doctor, hostPID=True, **objects.on(node)),
            objects.pod("bystander", bystander, **objects.on(node)),
        )
        space.ready("pod/doctor", "pod/bystander")
        before = space.inside("doctor", "pidof", "kubelet").strip()
        # kubelet carries this very command, so its end is not told to us.
        space.kubectl.try_run("exec", "doctor", "--", "kill", "-KILL", before)

        def back() -> bool:
            now = space.inside("doctor", "pidof", "kubelet").strip()
            return bool(now) and now != before

        until(back, f"another kubelet on {node}")
        space.apply(objects.pod("later", bystander, **objects.on(node)))
        space.ready("pod/later")
        status = space.kubectl.json("get", "pod", "bystander")["status"]["containerStatuses"][0]
        assert status["restartCount"] == 0
