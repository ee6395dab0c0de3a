"""A person at the lab's EC2: their home, their commands, and what they wait for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from clusterbook.cluster.artifacts import catalog, supply
from clusterbook.cluster.artifacts.images import supply_image
from clusterbook.cluster.artifacts.registry import push
from clusterbook.lab import record
from clusterbook.lab.ec2 import lifecycle

ROOT = Path(__file__).parents[2]
PROGRAM = "import sys; from clusterbook.cli.main import main; sys.argv[0] = 'invoke'; main()"
# What docs/walk-through.md deploys.
PAGE = f"{lifecycle.ECR_HOST}/team/page:1"
Run = Callable[..., str]


class Person:
    """Runs commands with an environment of its own; at first with the key of the account itself."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)

    def __call__(self, *words: str, expect: int = 0, errors: bool = False) -> str:
        """What a command prints; on standard error with errors. Its exit status must be as expected."""
        started = time.monotonic()
        done = subprocess.run([sys.executable, "-c", PROGRAM, *words], env=self.environment, cwd=ROOT,
                              capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                              timeout=1800)  # fmt: skip
        print(f"{time.monotonic() - started:6.1f} s  exit {done.returncode}  clusterbook {' '.join(words)}")
        if done.returncode != expect:
            pytest.fail(f"exit {done.returncode}: {' '.join(words)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
        return done.stderr if errors else done.stdout

    def becomes(self, credentials: str) -> None:
        """Use the access key of that file; with '' the account's own again."""
        for name in (*lifecycle.KEYS, "AWS_SHARED_CREDENTIALS_FILE"):
            self.environment.pop(name, None)
        self.environment |= {"AWS_SHARED_CREDENTIALS_FILE": credentials} if credentials else lifecycle.KEYS


@contextmanager
def person(home: Path) -> Iterator[Person]:
    """Runs commands as a person of the lab's EC2 does, whose home this is; the lab goes at the end."""
    if lifecycle.NAME in record.names():
        pytest.fail(f"the lab {lifecycle.NAME} is up already: clusterbook lab-down --name {lifecycle.NAME}")
    (home / ".ssh").mkdir(mode=0o700)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / ".ssh/id_ed25519"], check=True)
    cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", home / "agent"], stdout=subprocess.DEVNULL)
    environment = {
        **os.environ, **lifecycle.environment(lifecycle.spec_of()), "HOME": str(home), "XDG_CACHE_HOME": cache,
        "XDG_STATE_HOME": str(home / "state"), "XDG_CONFIG_HOME": str(home / "config"),
        # ssh itself looks for keys where the account's home is, whatever HOME says.
        "SSH_AUTH_SOCK": str(home / "agent"),
        "CLUSTERBOOK_STATE_STORE": "s3://lab-state/team",
        # An editor that leaves a file as it is.
        "EDITOR": "true", "VISUAL": "true",
    }  # fmt: skip

    call = Person(environment)
    try:
        until((home / "agent").is_socket)
        subprocess.run(["ssh-add", "-q", home / ".ssh/id_ed25519"], env=environment, check=True)
        call("lab-up", "--ec2")
        yield call
    finally:
        call("lab-down", "--name", lifecycle.NAME)
        agent.terminate()
        agent.wait()
        shutil.rmtree(home)


def aws(service: str) -> Any:
    """boto3 at the lab's account, with the account's own key."""
    import boto3

    settings = lifecycle.environment(lifecycle.spec_of())
    return boto3.client(
        service, region_name=lifecycle.REGION, endpoint_url=settings["AWS_ENDPOINT_URL"],
        aws_access_key_id=settings["AWS_ACCESS_KEY_ID"], aws_secret_access_key=settings["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip


def push_page() -> None:
    """Put the image of the page's application into the lab's ECR."""
    spec = record.read_spec(lifecycle.NAME)
    known = supply_image(supply.default(), catalog.load().image("agnhost"))
    image = replace(known.image, reference=PAGE)
    push(f"http://{spec.gateway}:{spec.registry_port}", replace(known, image=image))


def page(address: str) -> str:
    """What a load balancer answers; '' while it does not."""
    try:
        with urllib.request.urlopen(f"http://{address}/hostname", timeout=5) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def terminate_a_worker() -> str:
    """As a zone's accident does; the instance."""
    wanted = [{"Name": "tag:clusterbook.io/role", "Values": ["worker"]},
              {"Name": "instance-state-name", "Values": ["running"]}]  # fmt: skip
    gone: str = aws("ec2").describe_instances(Filters=wanted)["Reservations"][0]["Instances"][0]["InstanceId"]
    aws("ec2").terminate_instances(InstanceIds=[gone])
    return gone


def ready_workers(run: Run, name: str) -> dict[str, dict[str, Any]]:
    """Instance -> node of a cluster, of those that are labelled as workers and ready."""
    chosen = ("get", "nodes", "--selector=node-role.kubernetes.io/worker", "--output=json")
    nodes = json.loads(run("kubectl", "--cluster", name, "--", *chosen))["items"]
    return {
        node["spec"]["providerID"].rpartition("/")[2]: node for node in nodes
        if any(one["type"] == "Ready" and one["status"] == "True" for one in node["status"]["conditions"])
    }  # fmt: skip


def edit_cluster(run: Run, name: str, file: Path, aws_keys: Mapping[str, Any]) -> None:
    """Set keys of the part `aws` of a cluster's configuration. file: where it is written meanwhile."""
    written = aws("s3").get_object(Bucket="lab-state", Key=f"team/{name}/cluster.yaml")["Body"].read()
    known = yaml.safe_load(written)
    file.write_text(yaml.safe_dump({**known, "aws": {**known["aws"], **aws_keys}}))
    run("edit-cluster", name, "--file", str(file))


def hosts() -> set[str]:
    """Names of the lab's hosts: instance ids."""
    return {one.name for one in record.read_spec(lifecycle.NAME).hosts}


def until(condition: Callable[[], bool], seconds: float = 300) -> None:
    """Wait for what another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.5)


def reachable() -> bool:
    """Whether each host's key is known to the account: it has booted."""
    from clusterbook.cloud.aws import Cloud, tags_of
    from clusterbook.inventory.aws_ec2.keys import KEY_TAG
    from clusterbook.lab.ec2.instances import running

    patch = pytest.MonkeyPatch()
    for name, value in lifecycle.environment(lifecycle.spec_of()).items():
        patch.setenv(name, value)
    try:
        return all(KEY_TAG in tags_of(item) for item in running(Cloud("", lifecycle.REGION)))
    finally:
        patch.undo()
