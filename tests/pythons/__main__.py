"""The unit tests under every Python that this machine has and pyproject.toml promises: `make pythons`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.pythons import HERE, found

ROOT = Path(__file__).parents[2]


def main() -> int:
    """The exit status: 1 when a test fails."""
    told, failed = [], False
    for version, program in found(HERE):
        python = _installed(version, program)
        environment = {**os.environ, "PATH": f"{python.parent}:{os.environ['PATH']}"}
        argv = [str(python), "-m", "pytest", "-q", "-n", "auto", "tests/unit"]
        done = subprocess.run(argv, cwd=ROOT, env=environment, check=False, stdout=subprocess.PIPE, text=True)
        last = done.stdout.strip().splitlines()[-1]
        told.append(f"Python {version:5} {last}")
        if done.returncode:
            failed = True
            sys.stdout.write(done.stdout)
    missing = sorted({*HERE} - {version for version, _ in found(HERE)})
    sys.stdout.write("\n".join([*told, *(f"Python {version:5} not on this machine" for version in missing), ""]))
    return int(failed)


def _installed(version: str, program: Path) -> Path:
    """A virtual environment with the locked dependencies and this project."""
    folder = ROOT / "build" / "pythons" / version
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([program, "-m", "venv", folder], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "-r", ROOT / "requirements.lock"], check=True)
        subprocess.run([*pip, "--no-deps", "--no-build-isolation", "--editable", ROOT], check=True)
    return python


if __name__ == "__main__":
    sys.exit(main())
