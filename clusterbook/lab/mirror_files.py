"""The mirror's file server: read-only, static, straight from the page cache to the socket.

It holds one directory descriptor, gives up root, and opens every file beneath that descriptor without following
links, so nothing outside the directory can be named. Bodies go out with sendfile(2): the interpreter only handles
headers, so a two-core machine is bound by its memory bandwidth, not by Python (see docs/artifacts.md).
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import stat
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

NOBODY = 65534
CHUNK = 8 * 1024 * 1024
IDLE_SECONDS = 60
_NAME = re.compile(r"[A-Za-z0-9_+~@-][A-Za-z0-9._+~@-]*")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class FileServer(ThreadingHTTPServer):
    """Serves one directory on one address. A thread a connection; connections are kept alive."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, root: Path, address: str, port: int) -> None:
        """root: the directory, opened once. address: an IP address, never all of them by default."""
        self.root = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, port), FileHandler)


class FileHandler(BaseHTTPRequestHandler):
    """GET and HEAD of regular files, with single byte ranges so that a broken download resumes."""

    server: FileServer
    protocol_version = "HTTP/1.1"
    server_version = "clusterbook"
    sys_version = ""
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:  # the name is http.server's
        """Send the file, or the part of it that was asked for."""
        self._answer(body=True)

    def do_HEAD(self) -> None:  # the name is http.server's
        """Send the headers alone."""
        self._answer(body=False)

    def _answer(self, body: bool) -> None:
        descriptor = open_beneath(self.server.root, unquote(urlsplit(self.path).path))
        if descriptor is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        try:
            size = os.fstat(descriptor).st_size
            wanted = byte_range(self.headers.get("Range", ""), size)
            if wanted is None:
                self._refuse_range(size)
                return
            self._headers(wanted, size)
            if body:
                send(self.connection, descriptor, *wanted)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            self.close_connection = True
        finally:
            os.close(descriptor)

    def _headers(self, wanted: tuple[int, int], size: int) -> None:
        start, end = wanted
        partial = "Range" in self.headers and wanted != (0, size)
        self.send_response(HTTPStatus.PARTIAL_CONTENT if partial else HTTPStatus.OK)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(end - start))
        self.send_header("Accept-Ranges", "bytes")
        if partial:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        self.end_headers()

    def _refuse_range(self, size: int) -> None:
        self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        self.send_header("Content-Range", f"bytes */{size}")
        self.send_header("Content-Length", "0")
        self.end_headers()


def open_beneath(root: int, path: str) -> int | None:
    """A descriptor of the regular file at path beneath root, or None. No link is followed, nothing waits."""
    parts = path.strip("/").split("/")
    if not all(_NAME.fullmatch(part) for part in parts):
        return None
    current = os.dup(root)
    for part in parts:
        try:
            following = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=current)
        except OSError:
            return None
        finally:
            os.close(current)
        current = following
    if stat.S_ISREG(os.fstat(current).st_mode):
        return current
    os.close(current)
    return None


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """First and past-the-last byte that a Range header asks for; the whole file without one; None: not to be had."""
    match = _RANGE.fullmatch(header.strip())
    if not match or match.groups() == ("", ""):
        return 0, size
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size
    start, end = int(first), min(int(last) + 1, size) if last else size
    return (start, end) if start < end else None


def send(connection: socket.socket, descriptor: int, start: int, end: int) -> None:
    """Copy bytes start to end of the file to the socket inside the kernel."""
    connection.settimeout(IDLE_SECONDS)
    with os.fdopen(os.dup(descriptor), "rb") as file:
        while start < end:
            sent = connection.sendfile(file, start, min(CHUNK, end - start))
            if not sent:
                raise ConnectionResetError("the file became shorter while it was sent")
            start += sent


def serve(root: Path, address: str, port: int) -> None:
    """Serve until killed, as nobody when started by root."""
    with FileServer(root, address, port) as server:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        server.serve_forever()


def main(arguments: list[str]) -> int:
    """Started detached by `clusterbook.lab.mirror`; the log goes to standard error."""
    parser = argparse.ArgumentParser(prog="python -m clusterbook.lab.mirror_files", description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--address", required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args(arguments)
    serve(options.root, options.address, options.port)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
