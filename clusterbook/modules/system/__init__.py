"""The only way from a module to the host: `System` is the host, `PredictedSystem` what it would be (check mode)."""

from __future__ import annotations

import os
import shlex
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

from clusterbook.modules.contract import ModuleFailed
from clusterbook.modules.system.accounts import Accounts
from clusterbook.modules.system.checksums import Checksums
from clusterbook.modules.system.commands import Completed, run
from clusterbook.modules.system.files import Files
from clusterbook.modules.system.following import Tell
from clusterbook.modules.system.packages import Packages
from clusterbook.modules.system.units import Units
from clusterbook.records import dataclass


@dataclass(frozen=True)
class Source:
    """A file or directory of the local machine. kind: file or directory; entries: names in a directory.

    read() asks for the content over the connection; sha256 (of a file) says whether that is needed at all, sha1 is for
    the return key `checksum` (empty when it was not told: it is then made from the content). parts(), of a large file,
    gives the content piece by piece.
    """

    name: str
    kind: str
    mode: int
    size: int
    sha256: str
    entries: Sequence[str]
    read: Callable[[], bytes]
    sha1: str = ""
    parts: Optional[Callable[[], Iterable[bytes]]] = None


def no_source(name: str) -> Source:
    """Stands in where no local machine is connected."""
    raise ModuleFailed(f"{name}: files of the local machine cannot be asked for here")


def no_job(name: str, forget: bool) -> Dict[str, Any]:
    """Stands in where no agent keeps jobs."""
    raise ModuleFailed("could not find job", {"ansible_job_id": name, "started": True, "finished": True})


def no_signature(public_key: str) -> str:
    """Stands in where no local machine is connected."""
    raise ModuleFailed("certificates cannot be signed here", next_step="Run this play from the local machine.")


def no_delivery(what: Mapping[str, Any]) -> Mapping[str, Any]:
    """Stands in where no local machine is connected."""
    raise ModuleFailed("files cannot be sent to the local machine here")


class System:
    """The live host. source(name) gives a file of the local machine, sign(public key PEM) a certificate PEM.

    deliver(offer or block) hands a file over to the local machine; see module fetch.
    """

    predicting = False

    def __init__(
        self,
        source: Callable[[str], Source] = no_source,
        sign: Callable[[str], str] = no_signature,
        state_directory: str = "",
        deliver: Callable[[Mapping[str, Any]], Mapping[str, Any]] = no_delivery,
    ) -> None:
        """state_directory: the agent's own directory on the host (checksums are remembered there); empty: none."""
        self.source = source
        self.sign = sign
        self.deliver = deliver
        self.state_directory = state_directory
        self.files = Files(Checksums(os.path.join(state_directory, "checksums.json") if state_directory else ""))
        self.accounts = Accounts(self.execute)
        self.units = Units(self.query, self.execute)
        self.packages = Packages(self.execute, self.query)
        self.doubts: List[str] = []
        # (module, subject) whose changes a prediction could not show: later steps about them are in doubt.
        self.unforeseen: Set[Tuple[str, str]] = set()
        # Whether check mode has left out a step that could do anything to the host, such as a command.
        self.left_out = False
        # Called just before the host is changed: the agent writes the marks of notified handlers.
        self.before_change: Callable[[], None] = lambda: None
        # Told the lines of programs that run long; None where nobody may see them.
        self.tell: Optional[Tell] = None
        # Whether results say under `diff` what differed.
        self.tells_difference = False
        # Whether they say under `invocation` what the module was given.
        self.tells_arguments = False
        # job(name, forget): a step in the background; the agent knows them.
        self.job: Callable[[str, bool], Dict[str, Any]] = no_job

    def query(self, argv: Sequence[str], **options: Any) -> Completed:
        """Run a program that only reads. OSError when it cannot start is reported as exit 127."""
        try:
            return run(argv, **options)
        except FileNotFoundError:
            return Completed(tuple(argv), 127, "", f"{argv[0]}: not found on this host", 0.0, 0.0)

    def execute(self, argv: Sequence[str], **options: Any) -> Completed:
        """Run a program that changes the host. ModuleFailed when it does not exist."""
        try:
            return run(argv, tell=self.tell, **options)
        except FileNotFoundError as error:
            raise ModuleFailed(
                f"'{argv[0]}' cannot be run: {error.strerror}: {error.filename}",
                {"rc": 2, "cmd": shlex.join(argv), "stdout": "", "stderr": "", "stdout_lines": [], "stderr_lines": []},
                f"Install {argv[0]} on the host in an earlier step.",
            ) from error

    def kernel_setting(self, path: str, value: str) -> None:
        """Write a value into a file under /proc/sys or /sys, which cannot be replaced atomically."""
        with open(path, "w", encoding="ascii") as file:
            file.write(value)

    def environment(self) -> Mapping[str, str]:
        """The step's environment."""
        return os.environ
