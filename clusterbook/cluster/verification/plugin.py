"""The pytest plugin: gives a verify file its hosts, and a test its `host`, `service` and `variables`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from testinfra.host import Host as Testhost

from clusterbook.cluster.verification.backend import testhost
from clusterbook.cluster.verification.service import Service
from clusterbook.cluster.verification.shell import RootShell
from clusterbook.cluster.verification.subjects import Subject
from clusterbook.errors import ClusterbookError
from clusterbook.model import Host
from clusterbook.transport.protocol import Connection


class Verification:
    """The hosts of one run, each with its connection."""

    def __init__(self, subjects: Sequence[Subject], connect: Callable[[Host], Connection]) -> None:
        """connect: host -> open connection."""
        self.subjects = {subject.name: subject for subject in subjects}
        self._connect = connect
        self._shells: dict[str, RootShell] = {}
        self.passed = 0
        self.failed = 0

    def reach(self) -> dict[str, ClusterbookError]:
        """Become root on every host; where that fails a host is no subject any more, and returned with the reason."""
        unasked: dict[str, ClusterbookError] = {}
        for name, subject in self.subjects.items():
            try:
                self._shells[name] = RootShell(self._connect(subject.host))
                self._shells[name].run(b"true")
            except ClusterbookError as error:
                unasked[name] = error
        self.subjects = {name: each for name, each in self.subjects.items() if name not in unasked}
        return unasked

    def pytest_configure(self, config: pytest.Config) -> None:
        """Lets the fixtures find this run."""
        config.stash[RUN] = self

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One run of a test for each host: a file says GROUPS, and WHEN its role is one of several."""
        if "subject" not in metafunc.fixturenames:
            return
        groups = getattr(metafunc.module, "GROUPS", ())
        condition = getattr(metafunc.module, "WHEN", "")
        names = [name for name, each in self.subjects.items() if each.concerns(groups, condition)]
        metafunc.parametrize("subject", names, ids=names, scope="session", indirect=True)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Counts: a test that fails while it is set up or cleaned up has failed."""
        self.failed += report.failed
        self.passed += report.passed and report.when == "call"

    def pytest_sessionfinish(self) -> None:
        """Ends the connections."""
        for shell in self._shells.values():
            shell.close()

    def testhost(self, subject: Subject) -> Testhost:
        """What is on that host, seen as root."""
        return testhost(subject.name, self._shells[subject.name])


RUN = pytest.StashKey[Verification]()


@pytest.fixture(scope="session")
def subject(request: pytest.FixtureRequest) -> Subject:
    """The host in turn, as the inventory describes it."""
    return request.config.stash[RUN].subjects[request.param]


@pytest.fixture(scope="session")
def host(subject: Subject, request: pytest.FixtureRequest) -> Testhost:
    """testinfra's host."""
    return request.config.stash[RUN].testhost(subject)


@pytest.fixture(scope="module")
def service(host: Testhost, request: pytest.FixtureRequest) -> Service:
    """The unit that the verify file names as SERVICE."""
    return Service(host, request.module.SERVICE)


@pytest.fixture(scope="session")
def variables(subject: Subject) -> Mapping[str, Any]:
    """The host's variables and the roles' defaults."""
    return subject.variables
