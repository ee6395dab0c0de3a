"""The report of `bench.scale` as a section of docs/scale.md: tables, straight lines, and where these lead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench import slope
from bench.table import table

AT = (100, 1000, 5000)
# So often a kubelet reports its node's status although nothing changed (nodeStatusReportFrequency, its default).
STATUS_SECONDS = 300
_UNITS = {
    "memory": "MiB", "processor": "cores", "requests a second": "", "requests at a time": "", "watches": "",
    "connections": "", "objects": "", "etcd's file": "MiB", "writes to etcd a second": "", "validate-cluster": "s",
    "status": "s", "validate-cluster's processor": "s", "status's processor": "s",
}  # fmt: skip
_PLANE = ("kube-apiserver", "etcd", "kube-controller-manager", "kube-scheduler", "haproxy")
Report = Mapping[str, Any]


def section(report: Report) -> str:
    """All tables."""
    where, rows = report["machine"], report["rows"]
    busy = [row["noise"]["busy"] for row in rows]
    head = (
        f"{report['measured']}, version {report['version']}, Kubernetes {report['kubernetes']}, control plane: "
        f"{report['control_plane']}. {where['processor']}, "
        f"{where['memory']}, kernel {where['kernel']}; both cores {min(busy):.0%} to {max(busy):.0%} busy while the "
        "control plane was looked at."
    )
    parts = [
        "## Measured", head, "\n".join(report["notes"]), "### At rest", _memory(rows), _load(rows),
        "### While nodes and pods come", _times(rows), _filled(rows), "### A straight line through each", _lines(rows),
        "### What a node and a run take on the machine itself", _machine(report),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part)


def _memory(rows: Sequence[Report]) -> str:
    """Memory and processor of each program of the control plane."""
    names = [name for name in _PLANE if name in rows[0]["rest"]["memory"]]
    columns = ["hollow nodes", "pods added", *(f"{name} MiB" for name in names), *(f"{name} cores" for name in names)]
    cells = [
        (row["nodes"], row["pods_added"], *(row["rest"]["memory"].get(name) for name in names),
         *(_cores(row["rest"]["cpu"].get(name)) for name in names))
        for row in rows
    ]  # fmt: skip
    return table(columns, cells)


def _load(rows: Sequence[Report]) -> str:
    columns = ("hollow nodes", "pods added", "objects", "watches", "connections", "requests a second",
               "requests at a time", "refused a second", "etcd's file MiB", "of it in use", "writes to etcd a second",
               "KiB a second to all watches of nodes")  # fmt: skip
    cells = [
        (row["nodes"], row["pods_added"], rest["objects"], rest["watches"], rest["connections"], rest["requests"],
         _cores(rest["seats"]), rest["rejected"], rest["database_mib"], rest["database_used_mib"], rest["puts"],
         rest["watched_kib"])
        for row in rows for rest in [row["rest"]]
    ]  # fmt: skip
    return table(columns, cells)


def _times(rows: Sequence[Report]) -> str:
    tasks = list(rows[0]["tool"])
    columns = ["hollow nodes", "of them new", "s until the last is Ready", "kube-apiserver's most MiB till then",
               "pod scheduled, s", "pod runs, s",
               *(f"{task} {unit}" for task in tasks for unit in ("s", "CPU s"))]  # fmt: skip
    cells = []
    for row in rows:
        if not row["pods_added"]:
            pods = row["pods"] or {}
            told = [row["tool"].get(task, {}).get(part) for task in tasks for part in ("seconds", "cpu")]
            cells.append((row["nodes"], row["added"], row["ready"], row["peak"].get("kube-apiserver"),
                          pods.get("scheduled"), pods.get("running"), *told))  # fmt: skip
    return table(columns, cells)


def _filled(rows: Sequence[Report]) -> str:
    full = [row for row in rows if row["pods_added"]]
    if not full:
        return ""
    row = full[-1]
    seconds = row["pods"]["seconds"]
    return (
        f"A Deployment of {row['pods_added']} pods on {row['nodes']} hollow nodes ran after {seconds:.0f} s: "
        f"{row['pods_added'] / seconds:.0f} pods a second."
    )


def _lines(rows: Sequence[Report]) -> str:
    found = slope.lines(rows)
    cells = []
    for name, one in found.items():
        unit = _UNITS.get(name) if name in _UNITS else _UNITS[name.split(" of ")[0]]
        cells.append((name, unit, _text(one.base), _text(max(0.0, one.each)), f"{one.fit:.2f}",
                      *(_text(one.at(nodes)) for nodes in AT)))  # fmt: skip
    columns = ("what", "unit", "without nodes", "each node", "fit", *(f"at {nodes:,}" for nodes in AT))
    most = max(row["nodes"] for row in rows)
    return (
        f"Of the rows without added pods; beyond {most} nodes it is where the line leads, not a measurement. Fit: the "
        f"share of the differences that the line explains.\n\n{table(columns, cells)}"
    )


def _machine(report: Report) -> str:
    last = [row for row in report["rows"] if not row["pods_added"]][-1]
    nodes = max(1, last["nodes"])
    memory, cpu = last["rest"]["memory"], last["rest"]["cpu"]
    real = report["real_node_mib"]
    opened = report["descriptors"]
    programs = ", ".join(f"{name} {mib:.0f} MiB" for name, mib in real.items())
    whole = f"- A real node at rest (a lab's worker): {programs}; together {sum(real.values()):.0f} MiB."
    size, minutes = report["node_bytes"], STATUS_SECONDS // 60
    sent = ", ".join(f"{_text(nodes * nodes * size / STATUS_SECONDS / 2**20)} MiB at {nodes:,}" for nodes in AT)
    return "\n".join([
        *([whole] if real else []),
        f"- A node's object is {size:,} bytes of JSON, and every node's flanneld gets it whenever it changes, at least "
        f"every {minutes} minutes. From all nodes to all nodes that is, a second: {sent}.",
        f"- A hollow one: kubelet {memory['hollow kubelet'] / nodes:.0f} MiB, "
        f"{1000 * cpu['hollow kubelet'] / nodes:.1f} thousandths of a core; kube-proxy "
        f"{memory['hollow proxy'] / nodes:.0f} MiB, {1000 * cpu['hollow proxy'] / nodes:.1f} thousandths. The "
        "program's own pages, which all share, are counted in each.",
        f"- One run of a play on {opened['hosts']} light hosts at once, in one process: {opened['files']} open files, "
        f"{opened['threads']} threads, {opened['peak_mib']:.0f} MiB.",
    ])  # fmt: skip


def _cores(value: float | None) -> str | None:
    return None if value is None else f"{value:.3f}"


def _text(value: float) -> str:
    """Two significant digits, without an exponent."""
    short = slope.rounded(value)
    return f"{short:,.0f}" if abs(short) >= 10 else f"{short:.10f}".rstrip("0").rstrip(".")
