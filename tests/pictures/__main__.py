"""Raises a lab, uses it in a terminal and in a browser, and writes docs/pictures/."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from clusterbook.lab import record
from tests.browser import look, opened
from tests.pictures.terminal import Terminal, draw

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"
LAB = "lab"
# Picture -> page of the dashboard.
PAGES = {
    "dashboard-nodes": "clusters/local/nodes",
    "dashboard-pods": "clusters/local/namespaces/default/pods",
    "dashboard-application": "clusters/local/namespaces/default/deployments/shop",
}


def main() -> int:
    """All pictures; the exit status."""
    if LAB in record.names():
        sys.stderr.write(f"the lab {LAB} is up already: clusterbook lab-down --name {LAB}\n")
        return 1
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="clusterbook-pictures-") as home:
        cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
        environment = {**os.environ, "HOME": home, "XDG_CACHE_HOME": cache,
                       "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}  # fmt: skip
        project = Path(home) / "clusterbook"  # so that no picture shows where this clone lies
        for name in ("playbooks", "roles", "inventory"):
            shutil.copytree(ROOT / name, project / name)
        shutil.copy(ROOT / "tasks.py", project)
        terminal = Terminal(environment, project)
        try:
            of_terminal(terminal)
            of_pages(terminal, environment, Path(home))
        finally:
            terminal.run("invoke lab-down")
            terminal.close()
    return 0


def of_terminal(terminal: Terminal) -> None:
    """A cluster is raised, changes by itself, breaks, and is looked at."""
    screens = terminal.run("invoke up")
    draw(busiest(screens), PICTURES / "up.svg", "invoke up")
    terminal.run("invoke ssh cp-2 -- sudo sed -i s/audit-log-maxage=30/audit-log-maxage=3/ "
                 "/etc/systemd/system/kube-apiserver.service")  # fmt: skip
    terminal.run("invoke ssh cp-3 -- sudo systemctl stop etcd")
    draw(terminal.run("invoke doctor")[-1], PICTURES / "doctor.svg", "invoke doctor")
    terminal.run("invoke provision")
    draw(terminal.run("invoke status")[-1], PICTURES / "status.svg", "invoke status")


def busiest(screens: list[str]) -> str:
    """The screen half way through those on which bars of hosts grow."""
    growing = [screen for screen in screens if screen.count("█") > 40 and "░" in screen]
    return growing[len(growing) // 2]


def of_pages(terminal: Terminal, environment: Mapping[str, str], home: Path) -> None:
    """The report of a run, and the dashboard with an application."""
    terminal.run(f"invoke report --html {home}/run.html")
    _picture(f"file://{home}/run.html", "report")
    terminal.run("invoke deploy-app --name shop --image registry.k8s.io/e2e-test-images/agnhost:2.66.1 --replicas 3 "
                 "--port 80 --target-port 8080 --args 'netexec --http-port=8080 --udp-port=-1'")  # fmt: skip
    terminal.run("invoke deploy-dashboard --provider kube-web-view")
    with opened(["invoke", "dashboard"], environment, ROOT) as address:
        for name, page in PAGES.items():
            _picture(f"{address}/{page}", name)


def _picture(address: str, name: str) -> None:
    look(address, picture=PICTURES / f"{name}.png", size=(1360, 800))
    complaints = look(address).complaints
    if complaints:
        raise SystemExit(f"the browser complains of {address}:\n{complaints}")


if __name__ == "__main__":
    sys.exit(main())
