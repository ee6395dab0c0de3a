"""Breaks a running cluster in one way after another, for real, and measures what its users notice: `make chaos`."""
