"""The connection between the local machine and a worker: frames over a Unix socket or over TLS, for several threads."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable
from threading import Lock
from typing import Any

from clusterbook.agent import frames

CHUNK = 1 << 20
_BLOCK = 262144


class Gone(Exception):
    """The other side has ended, or the connection has."""


class Stream:
    """Whole messages of any thread out; read by one thread. A value of bytes follows its message in frames."""

    def __init__(self, sock: socket.socket, tls: ssl.SSLContext | None = None, server: bool = False) -> None:
        """tls: None for a socket of this machine. Shakes hands; raises Gone, ssl.SSLError."""
        self._socket = sock
        self._send_lock = Lock()
        self._tls = _Tls(sock, tls, server) if tls is not None else None
        self._receive: Callable[[int], bytes] = self._tls.read if self._tls else sock.recv

    def peer_name(self) -> str:
        """The name in the certificate of the other side; empty without TLS."""
        return self._tls.peer_name() if self._tls else ""

    def send(self, message: dict[str, Any], content: bytes | None = None) -> None:
        """Send a message, and the bytes that belong to it. Raises Gone."""
        if content is not None:
            message = {**message, "bytes": len(content)}
        parts = [frames.pack(message)]
        for start in range(0, len(content or b""), CHUNK):
            parts.append(frames.pack((content or b"")[start : start + CHUNK]))
        try:
            with self._send_lock:
                for part in parts:
                    (self._tls.write if self._tls else self._socket.sendall)(part)
        except OSError as error:
            raise Gone(str(error)) from error

    def receive(self) -> dict[str, Any]:
        """The next message; its bytes, if it has some, are under "content". Raises Gone."""
        try:
            message: dict[str, Any] = frames.read(self._receive)
            if "bytes" in message:
                parts, missing = [], int(message["bytes"])
                while missing > 0:
                    parts.append(frames.read(self._receive))
                    missing -= len(parts[-1])
                message["content"] = b"".join(parts)
            return message
        except (OSError, EOFError, frames.BrokenFrame) as error:
            raise Gone(str(error)) from error

    def close(self) -> None:
        """End the connection, also for a thread that reads."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class _Tls:
    """TLS over a socket. One SSL object must not be used by two threads at a time, so reading does not wait inside."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, server: bool) -> None:
        self._socket, self._lock = sock, Lock()
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._in, self._out, server_side=server)
        while True:
            try:
                self._object.do_handshake()
                self._flush()
                return
            except ssl.SSLWantReadError:
                self._flush()
                self._fill()

    def peer_name(self) -> str:
        subject: Any = (self._object.getpeercert() or {}).get("subject", ())
        names = [pair[1] for part in subject for pair in part if pair[0] == "commonName"]
        return str(names[0]) if names else ""

    def read(self, size: int) -> bytes:
        while True:
            with self._lock:
                try:
                    return self._object.read(min(size, _BLOCK))
                except ssl.SSLWantReadError:
                    self._flush()
                except ssl.SSLZeroReturnError:
                    return b""
            self._fill()

    def write(self, data: bytes) -> None:
        with self._lock:
            self._object.write(data)
            self._flush()

    def _fill(self) -> None:
        data = self._socket.recv(_BLOCK)
        if not data:
            raise Gone("the connection ended")
        with self._lock:
            self._in.write(data)

    def _flush(self) -> None:
        data = self._out.read()
        if data:
            self._socket.sendall(data)
