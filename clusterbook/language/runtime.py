"""What the interpreter needs from its surroundings: the agent on a host, or a fake in tests."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Optional, Protocol, Sequence

from clusterbook.records import dataclass, field


@dataclass(frozen=True)
class Call:
    """One run of a module with evaluated arguments. user: the account to run as, empty for the one that logged in.

    run_async: seconds that it may take in the background, 0 to wait for it; poll: seconds between looks at it, 0 to
    leave it alone. shown: people may see what its programs say while they run (no secret, no no_log). diff: its result
    says under `diff` what differed. tells_arguments: it says under `invocation` what the module was given.
    """

    step: int
    module: str
    arguments: Mapping[str, Any]
    check: bool = False
    user: Optional[str] = None
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 0
    notify: tuple[str, ...] = ()
    item: Optional[int] = None
    run_async: float = 0
    poll: float = 10
    shown: bool = False
    diff: bool = False
    tells_arguments: bool = False


class Runtime(Protocol):
    """Everything that is not evaluation: events, questions to the local machine, module runs, handler marks."""

    def emit(self, event: dict[str, Any]) -> None:
        """Report what happened to the local machine."""

    def ask(self, kind: str, **question: Any) -> Any:
        """Ask the local machine; it answers only what the compiled play names."""

    def expect(self, kind: str, step: int, names: Sequence[str]) -> None:
        """A loop will soon ask for these files of the local machine, one by one. kind: source or template."""

    def perform(self, call: Call) -> dict[str, Any]:
        """Run a module; returns its result as Ansible's registered variable, plus 'changes'."""

    def delegate(self, question: dict[str, Any], notify: Sequence[str]) -> dict[str, Any]:
        """Have a step run elsewhere; the marks of the handlers that it notifies stay on this host."""

    def pending(self) -> set[str]:
        """Names of handlers whose marks an earlier, unfinished run left on this host."""

    def pause(self, seconds: float) -> None:
        """Wait; a wish to stop ends it. Raises Stopped."""

    def once(self, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The result of work(), the same one when the play is replayed."""

    def settle(self, handler: str) -> None:
        """Remove a handler's mark: it ran."""


class StepFailed(Exception):
    """A step failed and nothing ignored it; a rescue may catch it."""

    def __init__(self, step: Any, result: Mapping[str, Any], shared: bool = False) -> None:
        """step: program.Step; result: its registered value. shared: another host's failure is this one's, too.

        told: that it is everybody's, when it is.
        """
        super().__init__(str(result.get("msg", "")))
        self.step = step
        self.result = result
        self.shared = self.told = shared


class HostUnreachable(Exception):
    """A host on which a step was to run does not answer: the play is over here, and no rescue helps."""


class RoleEnded(Exception):
    """The rest of the innermost role is left out on this host (meta: end_role)."""


class HostEnded(Exception):
    """The play is over for this host without a failure (meta: end_host, end_play)."""


class Refused(Exception):
    """The local machine refused a question; the text says why and holds names only."""


class Stopped(Exception):
    """The local machine asked to stop, or the connection is gone."""
