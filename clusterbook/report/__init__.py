"""Shows a run to people (terminal, plain lines) and to programs (JSON lines), from its events."""

from clusterbook.report.choose import Style, sink_for

__all__ = ["Style", "sink_for"]
