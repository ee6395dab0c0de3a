"""Says what is questionable in playbooks and roles that could run: rules over what the loader has read."""

from clusterbook.lint.findings import RULES, Finding
from clusterbook.lint.run import Files, lint

__all__ = ["RULES", "Files", "Finding", "lint"]
