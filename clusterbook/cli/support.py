"""The task that gathers what somebody who helps wants to see."""

from __future__ import annotations

import platform
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path

from invoke.context import Context

from clusterbook import __version__, journal
from clusterbook.cli import hosts, reports
from clusterbook.cli.boundary import command
from clusterbook.cli.cluster import TARGET_HELP
from clusterbook.cli.kubectl import open_kubectl
from clusterbook.cli.screen import plural, print_json, stage
from clusterbook.cli.site import Site, open_site, the_cluster
from clusterbook.cluster import questions, support
from clusterbook.cluster.cluster import Cluster
from clusterbook.errors import EXIT_DONE, EXIT_UNREACHABLE, ClusterbookError, InvalidInput

RUNS = 5
KUBECTL_SECONDS = 20.0


@command(
    help={
        **TARGET_HELP,
        "output": "the file to write (default: support-CLUSTER-TIME.tar.gz here)",
        "since": "how far back logs go, as journalctl takes it",
        "json": "show the result as JSON",
    },
)
def support_bundle(
    _: Context, inventory: str = "", cluster: str = "", output: str = "", since: str = "2 hours ago",
    json_: bool = False,
) -> int:  # fmt: skip
    """Gather logs, versions and health in one file, without secrets.

    Of every host: system, disks, network, packages, units, their logs, etcd, containers. Of the cluster: nodes, pods,
    workloads, events. And the journals of the last runs. Nothing is changed on a host. Keys, tokens and passwords are
    taken out: the values that the store knows, and what looks like one. Read it before you send it. Exit status 4: a
    host could not be asked; the file says why.

    Example: invoke support-bundle --inventory lab
    Example: invoke support-bundle --since "1 day ago" --output problem.tar.gz
    """
    site = open_site(inventory, cluster, looking=True)
    one = the_cluster(site)
    path = Path(output or f"support-{one.name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar.gz")
    if path.exists():
        raise InvalidInput(f"--output {path} is there already", next_step="Name a file that is not.")
    with stage("support", sys.stderr if json_ else None) as shown:
        texts, unread = _gathered(site, one, since)
        clean = support.cleaner(one)
        folder = path.name.removesuffix(".gz").removesuffix(".tar")
        support.write(path, folder, {name: clean(text) for name, text in texts.items()})
        shown.result = f"{plural(len(texts), 'file')} of {plural(len(site.inventory.hosts), 'host')} in {path}"
    if json_:
        print_json({"path": str(path.absolute()), "files": sorted(texts), "unread": unread})
    else:
        print("  Secrets were taken out as far as they are known or look like one: read it before you send it.")
        for name, why in unread.items():
            print(f"not asked {name}: {why}", file=sys.stderr)
    return EXIT_UNREACHABLE if unread else EXIT_DONE


def _gathered(site: Site, cluster: Cluster, since: str) -> tuple[dict[str, str], dict[str, str]]:
    """Texts by the name of their file, and why hosts that could not be asked could not."""
    marker = f"=== {secrets.token_hex(16)}"
    commands = support.commands(since)
    told = hosts.ask(site.inventory.hosts.values(), questions.script(marker, commands))
    unread = hosts.unread(told)
    texts = {"about.txt": _about(site, unread)}
    for name, answer in told.items():
        if isinstance(answer, bytes):
            found = questions.answers(marker, answer, commands)
            texts |= {f"hosts/{name}/{each}.txt": text for each, text in found.items()}
    return texts | _of_cluster(cluster) | _of_runs(site), unread


def _about(site: Site, unread: dict[str, str]) -> str:
    lines = [f"clusterbook {__version__}, Python {platform.python_version()}, {platform.platform()}",
             f"cluster {site.name}, {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"]  # fmt: skip
    groups = [f"{name}: {', '.join(members)}" for name, members in site.inventory.groups.items()]
    return "\n".join([*lines, *groups, *(f"not asked {name}: {why}" for name, why in unread.items())]) + "\n"


def _of_cluster(cluster: Cluster) -> dict[str, str]:
    """What kubectl says, or why it says nothing."""
    found = {}
    try:
        kubectl = open_kubectl(cluster)
        for name, words in support.CLUSTER_QUESTIONS.items():
            done = kubectl.try_run(*words, "--request-timeout=10s", seconds=KUBECTL_SECONDS)
            found[f"cluster/{name}.txt"] = done.stdout + done.stderr
    except ClusterbookError as error:
        found["cluster/not-asked.txt"] = f"{error.message}\n"
    return found


def _of_runs(site: Site) -> dict[str, str]:
    known = list(reports.known_runs(site.store, site.name).items())[-RUNS:]
    folders = {run: site.store.local_directory(f"{name}/runs/{run}") for run, name in known}
    return {f"runs/{run}.jsonl": (folder / journal.FILE).read_text(encoding="utf-8") for run, folder in folders.items()}
