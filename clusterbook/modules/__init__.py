"""Modules: one file each, that observes, compares and changes one kind of thing on a host (see contract.py)."""
