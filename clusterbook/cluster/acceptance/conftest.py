"""The cluster that is tested, and a namespace for each test."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from clusterbook.cluster.acceptance.command import CLUSTER_VARIABLE, chosen
from clusterbook.cluster.acceptance.space import LABEL, Images, Space, opened, today
from clusterbook.cluster.artifacts.catalog import load
from clusterbook.cluster.kube import Kubectl

Opener = Callable[..., AbstractContextManager[Space]]


@pytest.fixture(scope="session")
def kubectl() -> Kubectl:
    """kubectl of the cluster that CLUSTERBOOK_CLUSTER names, or of the only one in the store."""
    return chosen(os.environ.get(CLUSTER_VARIABLE, ""))


@pytest.fixture(scope="session")
def images() -> Images:
    """The test images under the names that the catalog gives them."""
    catalog = load()
    return Images(catalog.image("agnhost").reference, catalog.image("busybox").reference)


@pytest.fixture(scope="session")
def nodes(kubectl: Kubectl) -> dict[str, str]:
    """Every node's own address."""
    items = kubectl.json("get", "nodes")["items"]
    addresses = {item["metadata"]["name"]: item["status"]["addresses"] for item in items}
    return {
        name: next(one["address"] for one in each if one["type"] == "InternalIP") for name, each in addresses.items()
    }


@pytest.fixture(scope="session")
def workers(kubectl: Kubectl) -> tuple[str, ...]:
    """Nodes that take ordinary pods."""
    items = kubectl.json("get", "nodes")["items"]
    free = (
        item
        for item in items
        if not any(each["effect"] != "PreferNoSchedule" for each in item["spec"].get("taints", ()))
    )
    return tuple(sorted(item["metadata"]["name"] for item in free))


@pytest.fixture(scope="session")
def made(kubectl: Kubectl) -> Iterator[list[str]]:
    """Namespaces that this process made; they are gone when it ends. Those of a run that died go first."""
    kubectl.run("delete", "namespace", f"--selector={LABEL}=yes,{LABEL}-day!={today()}", "--wait=false")
    names: list[str] = []
    yield names
    if names:
        gone = (f"namespace/{name}" for name in names)
        kubectl.run("wait", "--for=delete", *gone, "--timeout=150s", seconds=160)


@pytest.fixture
def open_space(
    kubectl: Kubectl, images: Images, workers: tuple[str, ...], made: list[str], request: pytest.FixtureRequest
) -> Opener:
    """Opens a namespace named after the test; privileged=True for pods that look into their host."""
    title = re.sub(r"[^a-z0-9]+", "-", request.node.originalname.removeprefix("test_"))[:40]

    @contextmanager
    def open_it(*, privileged: bool = False) -> Iterator[Space]:
        with opened(kubectl, images, workers, title, privileged=privileged) as found:
            made.append(found.name)
            yield found

    return open_it


@pytest.fixture
def space(open_space: Opener) -> Iterator[Space]:
    """An ordinary namespace."""
    with open_space() as found:
        yield found
