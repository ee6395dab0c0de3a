"""The test report of the laws of modules: `python -m tests.laws` (or `make laws`)."""
