"""Running programs: argv lists, no terminal, no inherited input; a time-out ends the whole process group."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from typing import Any, Mapping, Optional, Sequence, Tuple

from clusterbook.modules.contract import ModuleFailed
from clusterbook.modules.system.following import Tell, communicate
from clusterbook.records import dataclass


@dataclass(frozen=True)
class Completed:
    """A finished program. started and ended: seconds since the epoch."""

    argv: Tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str
    started: float
    ended: float


def run(
    argv: Sequence[str],
    *,
    environment: Optional[Mapping[str, str]] = None,
    directory: Optional[str] = None,
    stdin: Optional[str] = None,
    timeout: Optional[float] = None,
    umask: Optional[int] = None,
    executable: Optional[str] = None,
    tell: Optional[Tell] = None,
) -> Completed:
    """Run to the end. environment is added to the present one; timeout in seconds. OSError when it cannot start.

    tell: told the lines of a program that runs for more than a moment.
    """
    started = time.time()
    process = subprocess.Popen(
        list(argv),
        executable=executable,
        stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=directory,
        env={**os.environ, **environment} if environment else None,
        start_new_session=True,
        preexec_fn=(lambda: (os.umask(umask), None)[1]) if umask is not None else None,
    )
    try:
        written = None if stdin is None else stdin.encode()
        if tell is None:
            output, errors = process.communicate(written, timeout)
        else:
            output, errors = communicate(process, written, timeout, tell)
    except subprocess.TimeoutExpired:
        end_group(process)
        raise ModuleFailed(
            f"'{argv[0]}' did not end within {timeout:g} s", {"rc": -signal.SIGKILL, "cmd": list(argv)}
        ) from None
    except BaseException:
        end_group(process)
        raise
    return Completed(tuple(argv), process.returncode, text(output), text(errors), started, time.time())


def end_group(process: "subprocess.Popen[Any]") -> None:
    """Kill the process and all that it started in its session."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    process.wait()


def text(data: bytes) -> str:
    """Output as text; bytes that are not UTF-8 survive as surrogates do in Ansible."""
    return data.decode("utf-8", "surrogateescape")
