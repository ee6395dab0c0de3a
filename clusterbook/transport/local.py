"""The local machine, with the same interface as a host: programs are child processes."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Sequence

from clusterbook.errors import ClusterbookError, Unreachable
from clusterbook.transport import failures
from clusterbook.transport.become import Escalation, escalate
from clusterbook.transport.protocol import STDERR_KEPT, Become, Channel
from clusterbook.transport.settings import Settings


class LocalConnection:
    """This machine. Its programs are started directly, without a shell."""

    def __init__(self, settings: Settings) -> None:
        """settings: with local set."""
        self.host = settings.host
        self.user = settings.user
        self.python = settings.python
        self._timeout = settings.handshake_timeout
        self._channels: list[LocalChannel] = []

    def start(self, argv: Sequence[str], become: Become | None = None) -> Channel:
        """Start a program. Raises Unreachable when it does not exist."""
        escalation = escalate(argv, become, self.user)
        channel = LocalChannel(escalation.argv, self.host, self.user, argv[0])
        self._channels.append(channel)
        if escalation.prompt and become is not None and become.password is not None:
            channel.log_in(escalation, become.password, self._timeout)
        return channel

    def close(self) -> None:
        """Close every channel."""
        while self._channels:
            self._channels.pop().close()


class LocalChannel:
    """One child process. One thread may read while another writes."""

    def __init__(self, command: Sequence[str], host: str, user: str, program: str) -> None:
        """command: what runs; host, user, program: for messages.

        Whoever started this program by sudo is not the account that logged in: steps run as this process's user.
        """
        self._host, self._user, self._program = host, user, program
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the channel
        try:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                bufsize=0,
                start_new_session=True,
                env={name: value for name, value in os.environ.items() if not name.startswith("SUDO_")},
            )
        except OSError as error:
            self._stderr.close()
            raise Unreachable(
                f"{host}: cannot start {command[0]!r}: {str(error.strerror).lower()}",
                next_step=failures.no_program_step(command[0]),
            ) from None
        assert self._process.stdin is not None and self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout

    def read(self, size: int, timeout: float | None = None) -> bytes:
        """Up to `size` bytes of output, b"" at its end. Raises Unreachable after `timeout` seconds of silence."""
        try:
            if timeout is not None and not select.select([self._output], [], [], timeout)[0]:
                raise failures.no_answer(self._host, timeout)
            return os.read(self._output.fileno(), size)
        except (OSError, ValueError):
            if not self._output.closed:
                raise
            return b""  # another thread closed the channel

    def write(self, data: bytes) -> None:
        """All bytes to the program's input."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._input.write(rest) :]
        except (OSError, ValueError):
            raise self.why_ended() from None

    def finish_input(self) -> None:
        """Close the program's input."""
        with contextlib.suppress(OSError):
            self._input.close()

    def stderr_tail(self) -> str:
        """The last 16 KiB of standard error."""
        if self._stderr.closed:
            return ""
        size = os.fstat(self._stderr.fileno()).st_size
        start = max(0, size - STDERR_KEPT)
        return os.pread(self._stderr.fileno(), STDERR_KEPT, start).decode("utf-8", "replace")

    def exit_status(self, timeout: float | None = None) -> int | None:
        """The exit status once it is known; negative for a signal."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def why_ended(self) -> ClusterbookError:
        """The reason for an end that nobody expected."""
        return failures.ended(self._host, self._user, self._program, self.exit_status(2.0), self.stderr_tail())

    def close(self) -> None:
        """Close input and output; a program that goes on is ended after 2 s."""
        for stream in (self._input, self._output):
            with contextlib.suppress(OSError):
                stream.close()
        if self.exit_status(2.0) is None:
            self._process.terminate()
            if self.exit_status(2.0) is None:
                self._process.kill()
                self._process.wait()
        self._stderr.close()

    def log_in(self, escalation: Escalation, password: str, timeout: float) -> None:
        """Answer sudo's prompt, which carries our token, at most once; return when the program has started."""
        end, answered = time.monotonic() + timeout, False
        try:
            while escalation.success not in (seen := self.stderr_tail()):
                if seen.count(escalation.prompt) > int(answered):
                    if answered:
                        raise failures.wrong_password(self._host, self._user)
                    answered = True
                    self.write(password.encode() + b"\n")
                if self.exit_status(0.02) is not None and escalation.success not in self.stderr_tail():
                    raise self._refused(answered)
                if time.monotonic() > end:
                    raise failures.no_answer(self._host, timeout)
        except ClusterbookError:
            self.close()
            raise

    def _refused(self, answered: bool) -> ClusterbookError:
        tail = self.stderr_tail()
        if answered and ("try again" in tail or "incorrect password" in tail):
            return failures.wrong_password(self._host, self._user)
        return self.why_ended()
