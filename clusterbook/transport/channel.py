"""One program on a host, over an SSH channel."""

from __future__ import annotations

import contextlib
import time
from threading import Lock

import paramiko

from clusterbook.errors import ClusterbookError
from clusterbook.transport import failures
from clusterbook.transport.become import Escalation
from clusterbook.transport.protocol import STDERR_KEPT

# Standard error shares the channel's window with standard output, so it is emptied at least this often (seconds).
POLL = 5.0


class SshChannel:
    """Bytes to and from a program. One thread may read while another writes."""

    def __init__(self, channel: paramiko.Channel, host: str, user: str, program: str) -> None:
        """channel: a command runs in it. host, user, program: for messages."""
        self._channel = channel
        self._host = host
        self._user = user
        self._program = program
        self._stderr = bytearray()
        self._lock = Lock()
        channel.settimeout(POLL)

    def read(self, size: int, timeout: float | None = None) -> bytes:
        """Up to `size` bytes of output, b"" at its end. Raises Unreachable after `timeout` seconds of silence."""
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            try:
                self._channel.settimeout(POLL if end is None else max(0.01, min(POLL, end - time.monotonic())))
                data = self._channel.recv(size)
            except TimeoutError:
                self._drain()
                if end is not None and time.monotonic() >= end:
                    raise failures.no_answer(self._host, timeout or 0) from None
                continue
            self._drain()
            return data

    def write(self, data: bytes) -> None:
        """All bytes to the program's input."""
        rest = memoryview(data)
        while rest:
            try:
                sent = self._channel.send(bytes(rest[:65536]))
            except TimeoutError:
                self._drain()
                continue
            except OSError:
                raise self._gone() from None
            if sent == 0:
                raise self._gone()
            rest = rest[sent:]

    def finish_input(self) -> None:
        """Close the program's input."""
        with contextlib.suppress(OSError, EOFError):
            self._channel.shutdown_write()

    def stderr_tail(self) -> str:
        """The last 16 KiB of standard error."""
        self._drain()
        return bytes(self._stderr).decode("utf-8", "replace")

    def exit_status(self, timeout: float | None = None) -> int | None:
        """The exit status once it is known; negative for a signal; None when it is not known in time."""
        if not self._channel.status_event.wait(timeout) or self._channel.exit_status == -1:
            return None
        return self._channel.exit_status

    def why_ended(self) -> ClusterbookError:
        """The reason for an end that nobody expected."""
        status = self.exit_status(2.0)
        return failures.ended(self._host, self._user, self._program, status, self.stderr_tail())

    def close(self) -> None:
        """End the channel."""
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self._channel.close()

    def log_in(self, escalation: Escalation, password: str, timeout: float) -> None:
        """Answer sudo's prompt, which carries our token, at most once; return when the program has started."""
        seen, answered = b"", False
        prompt, success = escalation.prompt.encode(), escalation.success.encode()
        self._channel.settimeout(timeout)
        try:
            while success not in seen:
                if seen.count(prompt) > int(answered):
                    if answered:
                        raise failures.wrong_password(self._host, self._user)
                    answered = True
                    self._channel.sendall(password.encode() + b"\n")
                data = self._channel.recv_stderr(4096)
                if not data:
                    self._keep(seen.replace(prompt, b""))
                    raise self._refused(answered)
                seen += data
        except TimeoutError:
            raise failures.no_answer(self._host, timeout) from None
        except OSError:
            raise self._gone() from None
        except ClusterbookError:
            self.close()
            raise
        self._keep(seen.split(success, 1)[1].lstrip(b"\r\n"))
        self._channel.settimeout(POLL)

    def _refused(self, answered: bool) -> ClusterbookError:
        tail = self.stderr_tail()
        if answered and ("try again" in tail or "incorrect password" in tail):
            return failures.wrong_password(self._host, self._user)
        return self.why_ended()

    def _gone(self) -> ClusterbookError:
        status = self.exit_status(1.0)
        return failures.lost(self._host) if status is None else self.why_ended()

    def _keep(self, data: bytes) -> None:
        with self._lock:
            self._stderr += data
            del self._stderr[:-STDERR_KEPT]

    def _drain(self) -> None:
        while self._channel.recv_stderr_ready():
            self._keep(self._channel.recv_stderr(65536))
