"""Measurements against other ways of doing the same. Printed side by side in one run, never asserted."""
