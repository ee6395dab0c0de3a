"""Playbooks, roles and task files, read whole and checked before any host is touched."""

from clusterbook.project.load import load
from clusterbook.project.roles import role_directories

__all__ = ["load", "role_directories"]
