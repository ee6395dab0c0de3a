"""How verify files are run: pytest in a few processes, each with its share of the hosts and one connection a host."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from clusterbook.cluster.verification.subjects import Subject, subjects
from clusterbook.errors import ClusterbookError
from clusterbook.model import Host
from clusterbook.transport.protocol import Connection

Connect = Callable[[Host], Connection]
_SETTINGS = (
    *("-c", os.devnull, "--import-mode=importlib", "--tb=short", "-q", "--no-header"),
    *("-p", "no:cacheprovider", "-p", "no:pytest11.testinfra", "-p", "no:xdist"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
)


@dataclass(frozen=True)
class Verified:
    """What came of it. text: pytest's report of the shares in which something failed; unasked: host -> why."""

    passed: int
    failed: int
    text: str
    unasked: Mapping[str, ClusterbookError] = field(default_factory=dict)

    @property
    def well(self) -> bool:
        """Whether there were tests, all of them passed, and every host was asked."""
        return self.passed > 0 and self.failed == 0 and not self.unasked


@dataclass(frozen=True)
class _Share:
    names: tuple[str, ...]
    options: tuple[str, ...]


@dataclass(frozen=True)
class _Work:
    hosts: list[Subject]
    roles: Path
    connect: Connect


def verify(
    hosts: Mapping[str, Host],
    groups: Mapping[str, Sequence[str]],
    roles: Path,
    connect: Connect,
    options: Sequence[str] = (),
) -> Verified:
    """Runs all verify files of all roles. connect: opens a connection; options: pytest's own, such as -k."""
    work = _Work(subjects(hosts, groups, roles), roles, connect)
    workers = max(1, min(len(work.hosts), os.cpu_count() or 1))
    names = [subject.name for subject in work.hosts]
    shares = [_Share(tuple(names[number::workers]), tuple(options)) for number in range(workers)]
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(work,)) as executor:
        found = list(executor.map(_run, shares))
    text = "\n".join(each.text for each in found if not each.well and each.text)
    unasked = {name: why for each in found for name, why in each.unasked.items()}
    return Verified(sum(each.passed for each in found), sum(each.failed for each in found), text, unasked)


_work: _Work


def _begin(work: _Work) -> None:
    global _work  # a forked process holds the one piece of work it was made for
    _work = work


def _run(share: _Share) -> Verified:
    # pytest is loaded by the processes that run it, not by every command.
    import pytest

    from clusterbook.cluster.verification import plugin

    run = plugin.Verification([subject for subject in _work.hosts if subject.name in share.names], _work.connect)
    unasked = run.reach()
    if not run.subjects:
        return Verified(0, 0, "", unasked)
    files = [str(path) for path in sorted(_work.roles.glob("*/verify/test_*.py"))]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        argv = [*_SETTINGS, f"--rootdir={_work.roles}", *share.options, *files]
        status = pytest.main(argv, plugins=[plugin, run])
    broken = status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)
    counted = Verified(run.passed, run.failed, printed.getvalue(), unasked)
    return replace(counted, failed=max(counted.failed, 1)) if broken else counted
