"""Requests over HTTP for modules: proxies, client certificates, basic authentication, errors in plain words."""

from __future__ import annotations

import base64
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Callable, Dict, Iterator, Mapping, Optional

from clusterbook.modules.contract import Arguments, ModuleFailed, Parameter

BLOCK = 1 << 18
WEB_PARAMETERS: Mapping[str, Parameter] = {
    "url": Parameter("str", "The address.", required=True),
    "headers": Parameter("dict", "Further headers of the request.", default={}),
    "timeout": Parameter("int", "Seconds without an answer before giving up.", default=10),
    "validate_certs": Parameter("bool", "Check the server's certificate.", default=True),
    "client_cert": Parameter("path", "Certificate to show to the server."),
    "client_key": Parameter("path", "Private key of that certificate."),
    "url_username": Parameter("str", "User for basic authentication.", aliases=("username", "user")),
    "url_password": Parameter("str", "Password for it.", aliases=("password",), secret=True),
    "force_basic_auth": Parameter("bool", "Send user and password at once.", default=False),
    "use_proxy": Parameter("bool", "Use the proxy that the environment names.", default=True),
    "http_agent": Parameter("str", "Name of the program to show.", default="clusterbook"),
    "unredirected_headers": Parameter("list", "Headers not sent after a redirect.", default=[], elements="str"),
    "ciphers": Parameter("list", "TLS ciphers.", elements="str"),
    "use_gssapi": Parameter("bool", "Not supported.", default=False),
    "use_netrc": Parameter("bool", "Accepted; .netrc is not read.", default=True),
}


def context(arguments: Arguments) -> ssl.SSLContext:
    """TLS settings of a request."""
    made = ssl.create_default_context(cafile=arguments.get("ca_path"))
    if not arguments["validate_certs"]:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if arguments["client_cert"]:
        made.load_cert_chain(arguments["client_cert"], arguments["client_key"])
    if arguments.get("ciphers"):
        made.set_ciphers(":".join(arguments["ciphers"]))
    return made


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects as `follow_redirects` says."""

    def __init__(self, follow: str, unredirected: Any) -> None:
        """follow: all, none, safe (GET and HEAD only) …; unredirected: headers left out afterwards."""
        self.follow = follow
        self.unredirected = {name.lower() for name in unredirected or ()}

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        """The next request, None to give the redirect itself back."""
        if self.follow in ("none", "no", "false"):
            return None
        if self.follow in ("safe", "urllib2") and req.get_method() not in ("GET", "HEAD"):
            return None
        made = super().redirect_request(req, fp, code, msg, headers, newurl)
        if made is not None:
            for name in list(made.headers):
                if name.lower() in self.unredirected:
                    made.remove_header(name)
        return made


def ask(
    arguments: Arguments, method: str = "GET", body: Optional[bytes] = None,
    headers: Optional[Dict[str, str]] = None, follow: str = "all", url: str = "",
) -> Any:
    """The response, of whatever status. ModuleFailed when there is none."""
    url = url or arguments["url"]
    if arguments.get("use_gssapi"):
        raise ModuleFailed("use_gssapi is not supported", next_step="Remove use_gssapi from the step.")
    url, user, password = credentials(url, arguments)
    request = urllib.request.Request(url, body, {"User-Agent": arguments["http_agent"]}, method=method)  # noqa: S310
    if user is not None:
        token = base64.b64encode(f"{user}:{password or ''}".encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")
    for name, value in {**(headers or {}), **arguments["headers"]}.items():
        request.add_header(name, str(value))
    handlers: list[Any] = [Redirects(follow, arguments.get("unredirected_headers"))]
    if url.startswith("https:"):
        handlers.append(urllib.request.HTTPSHandler(context=context(arguments)))
    if not arguments["use_proxy"]:
        handlers.append(urllib.request.ProxyHandler({}))
    started = time.monotonic()
    try:
        response = urllib.request.build_opener(*handlers).open(request, timeout=arguments["timeout"])
    except urllib.error.HTTPError as refused:
        return refused
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise ModuleFailed(
            f"{url} does not answer: {reason}", {"url": url, "elapsed": int(time.monotonic() - started)},
            "Check that the host can reach this address.",
        ) from error
    if response.status is None:  # file: and ftp: have none
        response.code, response.reason = 200, "OK"
    return response


def credentials(url: str, arguments: Arguments) -> "tuple[str, Optional[str], Optional[str]]":
    """The address without user and password, and those."""
    user, password = arguments.get("url_username"), arguments.get("url_password")
    parts = urllib.parse.urlsplit(url)
    if parts.username is not None:
        user = user or urllib.parse.unquote(parts.username)
        password = password or urllib.parse.unquote(parts.password or "")
        host = parts.netloc.rpartition("@")[2]
        url = urllib.parse.urlunsplit(parts._replace(netloc=host))
    return url, user, password


def blocks(response: Any, finish: Callable[[int], None]) -> Iterator[bytes]:
    """The body in pieces; finish(bytes) after the last. ModuleFailed when it ends early."""
    expected = response.headers.get("Content-Length")
    count = 0
    while True:
        try:
            block = response.read(BLOCK)
        except OSError as error:
            raise ModuleFailed(f"{response.url} broke off after {count} bytes: {error}") from error
        if not block:
            break
        count += len(block)
        yield block
    if expected is not None and expected.isdigit() and count != int(expected):
        raise ModuleFailed(f"{response.url} broke off after {count} of {expected} bytes",
                           next_step="Run the step again.")
    finish(count)
