"""Roles that others wrote for Ansible, from package registries, by both tools: `python -m tests.community`.

Nothing of them is in this repository: they are fetched when they are asked for. A comparison is that of
tests.differential: check mode, then twice for real, and everything on the hosts must be the same.
"""
