"""Which tasks there are, under which heading each is listed, and which file of this package has it.

A command line loads only the files of the tasks that it names: loading all of them takes as long as a short run.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping

from invoke.collection import Collection
from invoke.exceptions import Exit

from clusterbook.cli import usage
from clusterbook.cli.boundary import Command, guard

# Heading -> (what its tasks are for, task -> file).
GROUPS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "Begin": (
        "a project of your own",
        {"init": "start", "self-check": "start", "version": "start", "completion": "start"},
    ),
    "Lab": (
        "real hosts on this machine, to learn and to test",
        {"up": "up", "lab-up": "lab", "lab-status": "lab", "lab-down": "lab"},
    ),
    "Cluster": (
        "raise and change a cluster",
        {
            "iam": "iam", "create-cluster": "configure", "edit-cluster": "configure", "update-cluster": "cloud",
            "plan": "cluster", "provision": "cluster", "validate-cluster": "validation", "reset": "cluster",
            "delete-cluster": "cloud", "eks-join": "eks", "cost": "cost", "force-unlock": "state",
            "state-rebuild": "state",
        },
    ),
    "Operate": (
        "keep it right",
        {"status": "status", "doctor": "doctor", "add-node": "nodes", "remove-node": "nodes", "replace-node": "nodes",
         "verify": "check",
         "cis": "cis", "certs": "certs", "drift": "drift", "probe": "probe", "rotate-certs": "rotation",
         "rotate-ca": "authorities",
         "rotate-encryption-key": "encryption", "store-key": "store_key", "upgrade": "upgrade", "backup": "backups",
         "backups": "backups", "restore": "backups", "support-bundle": "support"},
    ),
    "Use": (
        "work with a running cluster",
        {"kubeconfig": "use", "kubectl": "use", "eks-kubeconfig": "eks_access", "eks-token": "eks_access",
         "cluster-info": "use", "get-secrets": "secrets", "ssh": "use",
         "logs": "logs", "top": "top", "prometheus": "prometheus",
         "deploy-dashboard": "dashboard", "dashboard": "dashboard", "deploy-app": "apps", "app-status": "apps",
         "scale-app": "apps", "rollback-app": "apps", "delete-app": "apps"},
    ),
    "Playbooks": (
        "run your own, and understand runs",
        {"run": "playbooks", "lint": "lint", "explain": "playbooks", "inventory": "inventories", "vault": "vault",
         "modules": "lint", "report": "reports"},
    ),
    "Build": ("what clusters are made of", {"artifacts": "artifacts", "mirror": "artifacts", "bundle": "bundle"}),
}


def collection(words: Iterable[str] = ()) -> Collection:
    """The tasks as Invoke and the clusterbook program take them. words: a command line; none means all tasks.

    Without any task among the words it is all of them too, so that lists and "did you mean" know every name.
    """
    line = list(words)
    given = set(line)
    files = {name: file for _, tasks in GROUPS.values() for name, file in tasks.items()}
    named = {name for name in files if name in given or name.replace("-", "_") in given}
    wanted = {files[name] for name in named} or set(files.values())
    found = [load(name, file) for name, file in files.items() if file in wanted]
    for task in found:
        task.take(line)
        if task.name.replace("_", "-") in named:
            task.check_numbers(line)
    return Collection(*found)


def for_invoke(words: Iterable[str]) -> Collection:
    """The same for a program that Exit ends: a mistake is shown, and ends it with its exit code."""
    line, found = list(words), list[Collection]()

    def load_them() -> None:
        found.append(collection(line))
        usage.check(found[0], line)

    if code := guard(load_them):
        raise Exit(code=code)
    return found[0]


def tasks() -> dict[str, tuple[str, list[Command]]]:
    """Every task under its heading."""
    return {
        heading: (purpose, [load(name, file) for name, file in names.items()])
        for heading, (purpose, names) in GROUPS.items()
    }


def load(name: str, file: str) -> Command:
    """One task from its file."""
    found: Command = getattr(importlib.import_module(f"clusterbook.cli.{file}"), name.replace("-", "_"))
    return found
