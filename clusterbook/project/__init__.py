"""Playbooks, roles and task files, read whole and checked before any host is touched."""

from clusterbook.project.load import load, read
from clusterbook.project.mistakes import ordered
from clusterbook.project.roles import role_directories

__all__ = ["load", "ordered", "read", "role_directories"]
