"""One root helper a host over one kept connection: a command costs a round trip, not a login."""

from __future__ import annotations

import struct

from clusterbook.errors import Failed
from clusterbook.transport.protocol import Become, Channel, Connection

COMMAND_SECONDS = 60
_HEAD = struct.Struct(">iII")
_PROGRAM = f"""
import struct, subprocess, sys
source, sink = sys.stdin.buffer, sys.stdout.buffer
while True:
    head = source.read(4)
    if len(head) < 4:
        break
    command = source.read(struct.unpack(">I", head)[0])
    try:
        done = subprocess.run(["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, capture_output=True,
                              timeout={COMMAND_SECONDS})
        answer = (done.returncode, done.stdout, done.stderr)
    except subprocess.TimeoutExpired:
        answer = (124, b"", b"ended after {COMMAND_SECONDS} seconds")
    sink.write(struct.pack(">iII", answer[0], len(answer[1]), len(answer[2])) + answer[1] + answer[2])
    sink.flush()
"""


class RootShell:
    """Runs commands as root, one after the other."""

    def __init__(self, connection: Connection) -> None:
        """The helper starts with the first command."""
        self._connection = connection
        self._channel: Channel | None = None

    def run(self, command: bytes) -> tuple[int, bytes, bytes]:
        """Exit status, standard output and standard error. Raises Failed or Unreachable when the helper is gone."""
        if self._channel is None:
            python = self._connection.python or "/usr/bin/python3"
            self._channel = self._connection.start([python, "-I", "-c", _PROGRAM], Become())
        self._channel.write(struct.pack(">I", len(command)) + command)
        status, output, errors = _HEAD.unpack(self._read(_HEAD.size))
        return status, self._read(output), self._read(errors)

    def close(self) -> None:
        """Ends the helper and the connection."""
        if self._channel is not None:
            self._channel.close()
        self._connection.close()

    def _read(self, size: int) -> bytes:
        assert self._channel is not None
        data = b""
        while len(data) < size:
            piece = self._channel.read(size - len(data), COMMAND_SECONDS + 10.0)
            if not piece:
                raise Failed(f"the helper on {self._connection.host} ended") from self._channel.why_ended()
            data += piece
        return data
