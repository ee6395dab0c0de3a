"""Proves that every host is as its roles say: each role's testinfra files, on every host that the role is for."""
