"""Talk to a web service."""

from __future__ import annotations

import json
import os
import time
import urllib.parse
from typing import Any, Dict, Optional, Tuple

from clusterbook.modules import web
from clusterbook.modules.contract import Arguments, ModuleFailed, Outcome, Parameter
from clusterbook.modules.ownership import FILE_PARAMETERS, path_state, path_values, wanted_attributes
from clusterbook.modules.system import System

NAME = "ansible.builtin.uri"
KIND = "action"
DESCRIPTION = "Talk to a web service."
PARAMETERS = {
    **web.WEB_PARAMETERS,
    "timeout": Parameter("int", "Seconds without an answer before giving up.", default=30),
    "method": Parameter("str", "HTTP method.", default="GET"),
    "body": Parameter("raw", "What to send."),
    "body_format": Parameter("str", "How body is written.", default="raw",
                             choices=("raw", "json", "form-urlencoded", "form-multipart")),
    "src": Parameter("path", "File to send instead of a body."),
    "remote_src": Parameter("bool", "src is on the host already.", default=False),
    "status_code": Parameter("list", "Answers that count as success.", default=[200], elements="int"),
    "return_content": Parameter("bool", "Give the body back as content.", default=False),
    "dest": Parameter("path", "File of the host that the body is written to."),
    "follow_redirects": Parameter("str", "Which redirects to follow.", default="safe",
                                  choices=("all", "no", "none", "safe", "urllib2", "yes")),
    "creates": Parameter("path", "Do nothing when this path exists."),
    "removes": Parameter("path", "Do nothing unless this path exists."),
    "ca_path": Parameter("path", "Certificates to trust, as PEM."),
    "force": Parameter("bool", "Ask caches for a fresh answer.", default=False),
    "unix_socket": Parameter("path", "Not supported."),
    "decompress": Parameter("bool", "Accepted; the body is given as it is sent.", default=True),
    **FILE_PARAMETERS,
}
MUTUALLY_EXCLUSIVE = (("body", "src"),)


def run(arguments: Arguments, system: System) -> Outcome:
    """Ask, and fail when the status is not one of those wanted."""
    skipped = guarded(arguments, system)
    if skipped is not None:
        return skipped
    if arguments["unix_socket"]:
        raise ModuleFailed("unix_socket is not supported", next_step="Use module command with curl --unix-socket.")
    body, headers = request_body(arguments, system)
    started = time.monotonic()
    try:
        response = web.ask(arguments, arguments["method"].upper(), body, headers, arguments["follow_redirects"])
    except ModuleFailed as failure:
        values = {**failure.values, "status": -1, "redirected": False}
        raise ModuleFailed(failure.message, values, failure.next_step) from failure
    with response:
        content = response.read()
    values = response_values(response, content, arguments)
    values["elapsed"] = int(time.monotonic() - started)
    if response.status not in arguments["status_code"]:
        wanted = ", ".join(map(str, arguments["status_code"]))
        raise ModuleFailed(
            f"{arguments['url']} answers {response.status} {response.reason}, wanted {wanted}", values)
    changed = store(arguments, content, system, values) if arguments["dest"] else False
    if arguments["dest"]:
        values.update(path_values(path_state(values["path"], {}, system, system.files.stat(values["path"], True))))
    return Outcome(changed, values)


def check(arguments: Arguments, system: System) -> Outcome:
    """Only requests that read nothing but answer are made in check mode by Ansible: none."""
    return guarded(arguments, system) or Outcome(
        skipped=True, message="requests are not made in check mode")


def guarded(arguments: Arguments, system: System) -> Optional[Outcome]:
    """The outcome when creates or removes says that there is nothing to do."""
    for name, runs_when_there in (("creates", False), ("removes", True)):
        path = arguments[name]
        if path and (system.files.stat(path) is not None) != runs_when_there:
            found = "does not exist" if runs_when_there else "exists"
            return Outcome(values={"stdout": f"skipped, since '{path}' {found}"}, skipped=True)
    return None


def request_body(arguments: Arguments, system: System) -> Tuple[Optional[bytes], Dict[str, str]]:
    """The body's bytes and the header that names its form."""
    headers = {"Cache-Control": "no-cache"} if arguments["force"] else {}
    if arguments["src"]:
        path = arguments["src"]
        data = system.files.read(path) if arguments["remote_src"] else system.source(path).read()
        return data, {**headers, "Content-Type": "application/octet-stream"}
    body = arguments["body"]
    if body is None:
        return None, headers
    form = arguments["body_format"]
    if form == "json":
        text = body if isinstance(body, str) else json.dumps(body)
        return text.encode(), {**headers, "Content-Type": "application/json"}
    if form == "form-urlencoded":
        text = body if isinstance(body, str) else urllib.parse.urlencode(body, doseq=True)
        return text.encode(), {**headers, "Content-Type": "application/x-www-form-urlencoded"}
    if form == "form-multipart":
        raise ModuleFailed("body_format form-multipart is not supported", next_step="Send the file with src.")
    text = body if isinstance(body, str) else json.dumps(body)
    return text.encode(), headers


def response_values(response: Any, content: bytes, arguments: Arguments) -> Dict[str, Any]:
    """Ansible's keys: headers in lower case with underscores, json when the answer is JSON."""
    values: Dict[str, Any] = {key.lower().replace("-", "_"): value for key, value in response.headers.items()}
    values.update(url=response.url, status=response.status, redirected=response.url != arguments["url"],
                  cookies={}, cookies_string="")
    values["msg"] = f"OK ({len(content)} bytes)"
    if response.status >= 400:
        values["msg"] = f"HTTP Error {response.status}: {response.reason}"
    kind = response.headers.get_content_type()
    text = content.decode(response.headers.get_content_charset() or "utf-8", "replace")
    if arguments["return_content"] or response.status not in arguments["status_code"]:
        values["content"] = text
    if kind == "application/json" or kind.endswith("+json"):
        try:
            values["json"] = json.loads(text)
        except ValueError:
            values.setdefault("content", text)
    return values


def store(arguments: Arguments, content: bytes, system: System, values: Dict[str, Any]) -> bool:
    """Write the body to dest when it differs."""
    path = arguments["dest"]
    status = system.files.stat(path, True)
    if status is not None and status.kind == "directory":
        path = os.path.join(path, os.path.basename(urllib.parse.urlsplit(arguments["url"]).path) or "index.html")
        status = system.files.stat(path, True)
    values["path"] = path
    if status is not None and system.files.read(path) == content:
        return False
    system.files.write(path, content, wanted_attributes(arguments, system, status))
    return True
