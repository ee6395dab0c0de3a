"""How many files and threads one run on many hosts holds at a time, on the machine that runs it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench.contest import work
from bench.light import LightHosts
from bench.processes import status


def of_run(directory: Path, hosts: LightHosts) -> dict[str, Any]:
    """The most of a run of a play that does nothing on each of these hosts at once, in one process."""
    project = directory / "project"
    work.write(project, hosts.login, {"all": hosts.targets})
    argv = [sys.executable, "-m", "clusterbook", "run", "ping-free.yml", "--inventory", "all.yml",
            "--executor", "threads"]  # fmt: skip
    environment = {**os.environ, "CLUSTERBOOK_STATE_STORE": f"file://{directory / 'store'}"}
    files = threads = memory = 0
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(argv, cwd=project, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        opened = Path("/proc", str(process.pid), "fd")
        while process.poll() is None:
            try:
                files = max(files, len(list(opened.iterdir())))
            except OSError:
                continue
            told = status(process.pid)
            threads = max(threads, int(told.get("Threads", 0)))
            memory = max(memory, int(told.get("VmHWM", "0 kB").split()[0]))
            time.sleep(0.05)
    if process.returncode:
        raise OSError((directory / "log").read_text()[-2000:])
    return {"hosts": len(hosts.targets), "files": files, "threads": threads, "peak_mib": round(memory / 1024, 1)}
