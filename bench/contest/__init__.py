"""Runners that do the same work on the same hosts: how each is installed, told and called."""
