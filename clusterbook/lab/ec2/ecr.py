"""The registry of the lab's ECR: the images of the lab's mirror, for those who show a token of ECR.

moto hands out the tokens and has no registry behind them. Here a pull without the account's token is refused as by ECR
(401, Basic), and one with it is answered from the mirror's registry: what is pushed there under a repository's name can
be pulled as ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY.

Started detached by lifecycle.py: python -m clusterbook.lab.ec2.ecr --address A --port P --registry HOST:PORT
"""

from __future__ import annotations

import argparse
import base64
import hmac
import http.client
import shutil
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from clusterbook.cloud.aws import Cloud
from clusterbook.lab.ec2.lifecycle import REGION

SECONDS = 60
# What a registry's client needs of an answer.
KEPT = ("Content-Type", "Content-Length", "Docker-Content-Digest", "Docker-Distribution-Api-Version", "Etag")
ASKED = ("Accept", "Range")


class Registry(ThreadingHTTPServer):
    """The registry, and whose tokens it takes."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], registry: str, cloud: Cloud) -> None:
        """registry: HOST:PORT of the one that has the images."""
        super().__init__(address, Pull)
        self.registry = registry
        self._cloud = cloud

    def takes(self, authorization: str) -> bool:
        """Whether a request's Authorization is the account's token."""
        kind, _, token = authorization.partition(" ")
        if kind != "Basic":
            return False
        try:
            shown = base64.b64decode(token, validate=True)
        except ValueError:
            return False
        answer = self._cloud.call("ecr", "get_authorization_token")
        return any(hmac.compare_digest(shown, base64.b64decode(one["authorizationToken"]))
                   for one in answer["authorizationData"])  # fmt: skip


class Pull(BaseHTTPRequestHandler):
    """One request of a host."""

    server: Registry
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """A manifest, or a part of an image."""
        self._answer()

    def do_HEAD(self) -> None:
        """Whether it is there."""
        self._answer()

    def _answer(self) -> None:
        if not self.server.takes(self.headers.get("Authorization", "")):
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="ECR of the lab",service="ecr.amazonaws.com"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        connection = http.client.HTTPConnection(self.server.registry, timeout=SECONDS)
        try:
            headers = {name: self.headers[name] for name in ASKED if name in self.headers}
            connection.request(self.command, self.path, headers=headers)
            found = connection.getresponse()
            self.send_response(found.status)
            for name in KEPT:
                if name in found.headers:
                    self.send_header(name, found.headers[name])
            self.end_headers()
            shutil.copyfileobj(found, self.wfile)
        finally:
            connection.close()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """One line for each, without what was shown."""
        self.log_message("%s %s %s", self.command, self.path, code)


def main(arguments: list[str]) -> int:
    """Serve until killed."""
    parser = argparse.ArgumentParser(prog="python -m clusterbook.lab.ec2.ecr", description=__doc__)
    parser.add_argument("--address", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--registry", required=True)
    options = parser.parse_args(arguments)
    Registry((options.address, options.port), options.registry, Cloud("", REGION)).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
