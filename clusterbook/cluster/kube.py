"""kubectl against a cluster: the binary of the cluster's own version, the cluster's own kubeconfig."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import platformdirs

from clusterbook.cluster import kubeconfig
from clusterbook.cluster.artifacts import supply as supplies
from clusterbook.cluster.artifacts.events import Report, silent
from clusterbook.cluster.cluster import Cluster
from clusterbook.errors import Failed

SECONDS = 60.0
_LOG_LINE = re.compile(r"[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+ ")


@dataclass(frozen=True)
class Kubectl:
    """How to call kubectl. options: in front of every call, such as a namespace."""

    binary: Path
    kubeconfig: Path
    options: tuple[str, ...] = ()

    def in_namespace(self, namespace: str) -> Kubectl:
        """The same in another namespace."""
        return replace(self, options=(*self.options, f"--namespace={namespace}"))

    def argv(self, *arguments: str) -> list[str]:
        """The command line; its first word names the program and is not its path (see `binary`)."""
        cache = Path(platformdirs.user_cache_dir("clusterbook")) / "kubectl"
        return ["kubectl", f"--cache-dir={cache}", *self.options, *arguments]

    def environment(self) -> Mapping[str, str]:
        """This process's environment with KUBECONFIG; a person's kuberc is left out."""
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig), "KUBERC": "off"}

    def try_run(
        self, *arguments: str, stdin: str | None = None, seconds: float = SECONDS
    ) -> subprocess.CompletedProcess[str]:
        """Run it; the exit status is the caller's to judge. Failed only when it does not end in time."""
        feed: dict[str, Any] = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
        try:
            return subprocess.run(
                self.argv(*arguments), executable=self.binary, env=dict(self.environment()), timeout=seconds,
                capture_output=True, text=True, check=False, errors="replace", **feed,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise Failed(
                f"kubectl {' '.join(arguments)} did not end within {seconds:g} s",
                next_step="Look at the cluster with: invoke validate-cluster",
            ) from error

    def run(self, *arguments: str, stdin: str | None = None, seconds: float = SECONDS) -> str:
        """What it prints. Failed with kubectl's own words when it exits with anything but 0."""
        done = self.try_run(*arguments, stdin=stdin, seconds=seconds)
        if done.returncode == 0:
            return done.stdout
        words = said(done.stderr) or said(done.stdout) or f"exit status {done.returncode}"
        raise Failed(
            f"kubectl {' '.join(arguments)}: {words}", next_step="Look at the cluster with: invoke validate-cluster"
        )

    def json(self, *arguments: str, seconds: float = SECONDS) -> Any:
        """What it prints with --output=json, parsed."""
        return json.loads(self.run(*arguments, "--output=json", seconds=seconds))

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Make these objects so (server-side apply)."""
        document = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.run("apply", "--server-side", "--force-conflicts", "--filename=-", stdin=json.dumps(document))


def said(text: str) -> str:
    """kubectl's own words, without the log lines of its libraries (E1123 15:08:35.356800 …)."""
    return "\n".join(line for line in text.splitlines() if not _LOG_LINE.match(line)).strip()


def open_kubectl(cluster: Cluster, report: Report = silent) -> Kubectl:
    """kubectl of the cluster's version, with the administrator's kubeconfig. report: what is done to get it."""
    config = kubeconfig.ensure_kubeconfig(cluster)  # what keeps it from being made is said before minutes of a build
    return Kubectl(kubectl_binary(cluster, report), config)


def kubectl_binary(cluster: Cluster, report: Report = silent) -> Path:
    """The kubectl binary of the cluster's Kubernetes version: from the cache, else from where artifacts come from."""
    settings = supplies.default(report)
    component = settings.catalog.component("kubernetes", str(cluster.spec.complete["kubernetes_version"]))
    return supplies.supply(settings, component).files["kubectl"]
