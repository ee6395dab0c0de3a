"""Deployments, DaemonSets, StatefulSets, Jobs and CronJobs do what they promise."""

from __future__ import annotations

from functools import partial
from typing import Any

from clusterbook.cluster.acceptance import objects
from clusterbook.cluster.acceptance.space import Space, until


def environment(value: str) -> list[dict[str, str]]:
    return [{"name": "VERSION", "value": value}]


def versions(space: Space, label: str) -> set[str]:
    containers = (item["spec"]["containers"][0] for item in space.pods(label))
    return {container["env"][0]["value"] for container in containers}


def only_version(space: Space, version: str) -> bool:
    return versions(space, "web") == {version}


def exactly(space: Space, count: int) -> list[dict[str, Any]]:
    pods = space.pods("web")
    return pods if len(pods) == count else []


def nodes_of(pods: list[dict[str, Any]]) -> list[str]:
    return sorted(item["spec"]["nodeName"] for item in pods)


def test_a_cronjob_makes_jobs_by_the_clock(space: Space) -> None:
    template = {"spec": objects.job("x", objects.container(space.images.busybox, "echo", "on time"))["spec"]}
    spec = {"schedule": "* * * * *", "jobTemplate": template}
    space.apply({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "tick"}, "spec": spec})

    def finished() -> Any:
        jobs = space.kubectl.json("get", "jobs")["items"]
        return [item["metadata"]["name"] for item in jobs if item.get("status", {}).get("succeeded")]

    name = until(finished, "a job of the CronJob to succeed", 150)[0]
    assert name.startswith("tick-")
    assert space.kubectl.run("logs", f"job/{name}") == "on time\n"


def test_a_daemonset_runs_one_pod_on_every_worker(space: Space) -> None:
    space.apply(objects.workload("DaemonSet", "everywhere", objects.server(space.images.agnhost)))
    space.ready("daemonset/everywhere")
    assert nodes_of(space.pods("everywhere")) == list(space.workers)


def test_a_deployment_rolls_out_rolls_back_and_keeps_its_history(space: Space) -> None:
    def at(version: str) -> objects.Object:
        return objects.deployment("web", objects.server(space.images.agnhost, env=environment(version)), replicas=2)

    for version in ("one", "two"):
        space.apply(at(version))
        space.ready("deployment/web")
        until(partial(only_version, space, version), f"only pods of version {version}")
    space.kubectl.run("rollout", "undo", "deployment/web")
    space.ready("deployment/web")
    until(partial(only_version, space, "one"), "only pods of the version before")
    history = space.kubectl.run("rollout", "history", "deployment/web").split()
    assert [word for word in history if word.isdigit()] == ["2", "3"]


def test_a_rollout_that_never_gets_ready_leaves_the_old_pods_serving(space: Space) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    good = objects.server(space.images.agnhost)
    space.apply(objects.deployment("web", good, replicas=2, strategy=strategy))
    space.ready("deployment/web")
    old = {item["metadata"]["name"] for item in space.pods("web")}
    bad = {**good, "readinessProbe": {"exec": {"command": ["/agnhost", "no-such-command"]}, "periodSeconds": 1}}
    space.apply(objects.deployment("web", bad, replicas=2, strategy=strategy, progressDeadlineSeconds=6))
    reason = "jsonpath={.status.conditions[?(@.type=='Progressing')].reason}"

    def gave_up() -> bool:
        return space.kubectl.run("get", "deployment/web", f"--output={reason}") == "ProgressDeadlineExceeded"

    until(gave_up, "the rollout to be given up")
    ready = {
        item["metadata"]["name"]
        for item in space.pods("web")
        if any(one["type"] == "Ready" and one["status"] == "True" for one in item["status"]["conditions"])
    }
    assert ready == old


def test_a_deployment_scales_up_over_the_workers_and_down_again(space: Space) -> None:
    space.apply(objects.deployment("web", objects.server(space.images.agnhost)))
    for replicas in (4, 1):
        space.kubectl.run("scale", "deployment/web", f"--replicas={replicas}")
        space.ready("deployment/web")
        pods = until(partial(exactly, space, replicas), f"{replicas} pods")
        assert len(set(nodes_of(pods))) == min(replicas, len(space.workers))


def test_a_statefulset_keeps_names_order_and_addresses_by_name(space: Space) -> None:
    pods = objects.server(space.images.agnhost)
    space.apply(
        objects.service("db", clusterIP="None", port=8080),
        objects.workload("StatefulSet", "db", pods, replicas=2, serviceName="db"),
    )
    space.ready("statefulset/db")
    before = {item["metadata"]["name"]: item["metadata"]["uid"] for item in space.pods("db")}
    assert list(before) == ["db-0", "db-1"]
    space.kubectl.run("delete", "pod", "db-0")
    space.ready("statefulset/db")
    after = {item["metadata"]["name"]: item["metadata"]["uid"] for item in space.pods("db")}
    assert after["db-1"] == before["db-1"]
    assert after["db-0"] != before["db-0"]
    for name in before:
        until(partial(names_itself, space, name), f"{name} to be reached by its name")


def names_itself(space: Space, name: str) -> bool:
    return space.dialled("db-1", f"{name}.db.{space.name}", 8080) == {name}


def test_a_job_runs_its_completions_in_parallel_and_retries_a_failure(space: Space) -> None:
    line = 'test "$JOB_COMPLETION_INDEX" != 1 || test -e /state/tried || { touch /state/tried; exit 1; }'
    mounts = [{"name": "state", "mountPath": "/state"}]
    steps = objects.container(space.images.busybox, "sh", "-c", line, volumeMounts=mounts)
    job = objects.job("sums", steps, completions=3, parallelism=3, completionMode="Indexed", backoffLimit=2)
    job["spec"]["template"]["spec"].update(restartPolicy="OnFailure", volumes=[{"name": "state", "emptyDir": {}}])
    space.apply(job)
    space.kubectl.run("wait", "--for=condition=Complete", "job/sums", "--timeout=150s", seconds=155)
    status = space.kubectl.json("get", "job", "sums")["status"]
    pods = space.kubectl.json("get", "pods", "--selector=job-name=sums")["items"]
    assert (status["succeeded"], status["completedIndexes"]) == (3, "0-2")
    assert sorted(item["status"]["containerStatuses"][0]["restartCount"] for item in pods) == [0, 0, 1]


def test_a_job_that_always_fails_is_given_up_after_its_limit(space: Space) -> None:
    space.apply(objects.job("broken", objects.container(space.images.busybox, "false"), backoffLimit=0))
    space.kubectl.run("wait", "--for=condition=Failed", "job/broken", "--timeout=120s", seconds=125)
    conditions = space.kubectl.json("get", "job", "broken")["status"]["conditions"]
    assert "BackoffLimitExceeded" in {one.get("reason") for one in conditions}
