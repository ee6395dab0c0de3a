"""Where `clusterbook-playbook` starts: without what it does not use, as `clusterbook` does (clusterbook.__main__)."""

from __future__ import annotations

import gc

from clusterbook.cli.lean import load_invoke


def main() -> None:
    """Entry point."""
    gc.disable()
    load_invoke()
    from clusterbook.cli.ansible.program import main as begin

    gc.freeze()
    gc.enable()
    begin()
