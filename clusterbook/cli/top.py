"""The task that shows what nodes and pods use now, beside what they asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from invoke.context import Context

from clusterbook.cli.boundary import command
from clusterbook.cli.clusters import CLUSTER_HELP, open_chosen
from clusterbook.cli.kubectl import open_kubectl
from clusterbook.cli.screen import print_json, print_table
from clusterbook.cluster import namespaces, usage
from clusterbook.cluster.usage import CPU, KINDS, MEMORY, Usage
from clusterbook.errors import InvalidInput
from clusterbook.schema.names import suggestion

WHAT = ("nodes", "pods")
BAR = 10
_UNITS = (("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10))
_COLUMNS = ("CPU", "USED", "ASKED", "LIMIT", "MEMORY", "USED", "ASKED", "LIMIT")


@command(
    "what",
    help={"what": "nodes (default) or pods", "namespace": "pods of this namespace alone (default: of all)",
          "sort": "cpu or memory: who uses most of it comes first (default: by name)", "cluster": CLUSTER_HELP,
          "json": "show the result as JSON"},
)  # fmt: skip
def top(
    _: Context, what: str | None = None, namespace: str = "", sort: str = "", cluster: str = "", json_: bool = False
) -> None:  # fmt: skip
    """Show what nodes or pods use of processor and memory now.

    Beside it what they asked for and may use. A bar is the use as a part of the room that a node has for pods, of a
    pod's limit, or else of its request. Measured by metrics-server in the last half minute: it keeps no history.

    Example: invoke top
    Example: invoke top pods --namespace kube-system --sort memory
    """
    wanted = chosen(what or ("pods" if namespace else "nodes"), WHAT, "it shows nodes or pods, not")
    kind = chosen(sort, ("", *KINDS), "--sort is cpu or memory, not")
    if wanted == "nodes" and namespace:
        raise InvalidInput("nodes have no namespace", next_step="Write: invoke top pods --namespace NAME")
    kubectl = open_kubectl(open_chosen(cluster))
    if namespace:
        namespaces.check(namespace, namespaces.namespaces(kubectl))
    seen = usage.nodes(kubectl) if wanted == "nodes" else usage.pods(kubectl, namespace)
    found = usage.in_order(seen, kind)
    if json_:
        print_json({wanted: [dict(usage.as_data(one)) for one in found]})
    elif found:
        show(wanted, found)
    else:
        print(f"no pods{f' in namespace {namespace}' if namespace else ''}")


def chosen(given: str, known: Sequence[str], complaint: str) -> str:
    """The word itself when it is one of those known."""
    if given not in known:
        raise InvalidInput(f"{complaint} {given!r}{suggestion(given, known)}",
                           next_step=f"Write one of: {', '.join(word for word in known if word)}.")  # fmt: skip
    return given


def show(what: str, found: Sequence[Usage]) -> None:
    """The table; below it how many are not measured."""
    names = ("NODE",) if what == "nodes" else ("NAMESPACE", "POD", "NODE")
    print_table((*names, *_COLUMNS), [(*_names(one), *_cells(one)) for one in found])
    missing = [one.name for one in found if not one.used]
    if missing:
        print(f"\nnot measured yet: {', '.join(missing[:5])}{f' and {len(missing) - 5} more' * (len(missing) > 5)}")


def _names(one: Usage) -> tuple[str, ...]:
    return (one.namespace, one.name, one.node or "-") if one.namespace else (one.name,)


def _cells(one: Usage) -> Iterator[str]:
    for kind in KINDS:
        yield bar(one.share(kind))
        for values in (one.used, one.requested, one.limits):
            yield written(kind, values.get(kind))


def bar(share: float | None) -> str:
    """A part of a whole as a bar with its percentage; more than the whole fills it."""
    if share is None:
        return "-"
    full, empty = ("█", "░") if (sys.stdout.encoding or "").lower().startswith("utf") else ("#", "-")
    filled = min(BAR, round(share * BAR))
    return f"{full * filled}{empty * (BAR - filled)} {share:4.0%}"


def written(kind: str, value: int | None) -> str:
    """Millicores or bytes as manifests have them: 250m, 96Mi; - for what nobody said."""
    if value is None:
        return "-"
    if kind == CPU:
        return f"{value}m" if value % 1000 or not value else str(value // 1000)
    assert kind == MEMORY
    for unit, size in _UNITS:
        if value >= size * (10 if unit == "Gi" else 1):
            return f"{value // size}{unit}"
    return str(value)
