"""Joins a cluster with no local machine there: runs a kept play and answers for it from what was kept with it.

Started by an instance's first boot (roles/join_keeper/files/first_boot.py); docs/joining.md says how and why.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import time
import zlib
from typing import Any, Callable, Dict, List

from clusterbook.agent import frames
from clusterbook.agent.requests import Cluster, client_certificate, provider_of

Say = Callable[[str], None]
CHUNK = 1024 * 1024
# What may stand in an instance's facts: they become part of the play.
PLAIN = re.compile(r"[A-Za-z0-9._:-]{1,128}")
TOKEN = re.compile(r"[a-z0-9]{6}\.[a-z0-9]{16}")
# Whose certificate may look at nodes.
LOOKER = "system:kube-proxy"


class CannotJoin(Exception):
    """It cannot be done now; the text says why."""


def join(segment: Dict[str, Any], code: bytes, instance: Dict[str, str], identity: Dict[str, Any], say: Say) -> bool:
    """Run the segment's play for this instance; True when no step failed.

    code: of the agent, as hosts are sent it; identity: `token`, a bootstrap token of the cluster.
    """
    try:
        own = for_instance(segment, instance)
        if not TOKEN.fullmatch(str(identity.get("token"))):
            raise CannotJoin("what a control plane gave out is no token")
        cluster = Cluster(own["api"]["urls"], own["api"]["authority"], identity["token"])
        for wanted in own["certificates"]:
            if client_certificate(cluster, wanted):
                say(f"the cluster signed a certificate of {wanted['common_name']}")
        refuse_predecessor(own, instance)
        return Play(own, code, identity["token"], say).run()
    except (CannotJoin, OSError, ValueError, EOFError, frames.BrokenFrame) as error:
        say(f"it did not work this time: {error}")
        return False


def for_instance(segment: Dict[str, Any], instance: Dict[str, str]) -> Dict[str, Any]:
    """The segment with the instance's own facts where its marks stand. CannotJoin for a fact that is no plain word."""
    text = json.dumps(segment)
    for name, mark in sorted(segment["marks"].items()):
        if not PLAIN.fullmatch(instance[name]):
            raise CannotJoin(f"the instance's {name} is not a plain word")
        text = text.replace(mark, instance[name])
    found: Dict[str, Any] = json.loads(text)
    return found


def refuse_predecessor(segment: Dict[str, Any], instance: Dict[str, str]) -> None:
    """Raise CannotJoin while the node of this name is that of another instance, which had the address before.

    Kubernetes changes the provider ID of no node: as that one this instance would get no traffic of load balancers, and
    its pods addresses of the other's range. AWS's cloud controller removes a node that is not ready and whose instance
    is terminated; it does not look at one that is ready, so nothing may run under its name before.
    """
    for wanted in segment["certificates"]:
        if wanted["common_name"] == LOOKER:
            client = (wanted["path"], wanted["key_path"])
            cluster = Cluster(segment["api"]["urls"], segment["api"]["authority"], "", client)
            known = provider_of(cluster, instance["node_name"])
            if known and known.rpartition("/")[2] != instance["instance_id"]:
                raise CannotJoin(f"node {instance['node_name']} is still that of {known}, which had this address "
                                 "before: the cloud controller removes it when that instance is gone")  # fmt: skip


class Play:
    """One run of the agent."""

    def __init__(self, segment: Dict[str, Any], code: bytes, token: str, say: Say) -> None:
        """See join."""
        self._segment = segment
        self._code = code
        self._token = token
        self._say = say
        self._steps: Dict[str, str] = segment["steps"]

    def run(self) -> bool:
        """Start the agent, have it run the play, wait for its end."""
        with subprocess.Popen(self._segment["argv"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as self._agent:
            self._greet()
            return self._play()

    def _greet(self) -> None:
        assert self._agent.stdout is not None
        words = self._agent.stdout.readline().split()
        if words[:2] not in ([b"CLUSTERBOOK", b"have"], [b"CLUSTERBOOK", b"need"]):
            raise CannotJoin(f"the agent does not start: {words!r}")
        if words[1] == b"need":
            self._write(len(self._code).to_bytes(8, "big") + self._code)
        started = time.strftime("%Y-%m-%d %H:%M:%S")
        holder = {"run": "join", "user": "root", "machine": os.uname().nodename, "pid": os.getpid(), "started": started}
        self._send({"hello": {**holder, "lock": True}})
        answer = self._receive()
        if not answer.get("ready"):
            raise CannotJoin(f"run {(answer.get('held') or {}).get('run')} is at work on this host")

    def _play(self) -> bool:
        self._send({**self._segment["program"], "host": self._segment["host"]})
        while True:
            message = self._receive()
            if "ask" in message:
                self._answer(message)
            elif "done" in message:
                return message.get("succeeded") is True
            elif "crash" in message:
                raise CannotJoin(f"the agent failed: {message['crash']}")
            else:
                for event in message.get("events", [message]):
                    self._tell(event)

    def _answer(self, question: Dict[str, Any]) -> None:
        kind, name = str(question["ask"]), str(question.get("name"))
        known = self._segment["answers"].get(f"{kind}:{question.get('step')}:{name}")
        if kind == "secret" and name in self._segment["token_names"]:
            self._send({"value": self._token})
        elif kind == "content" and known is not None:
            content = base64.b64decode(known)
            self._send({"bytes": len(content)})
            for start in range(0, len(content), CHUNK):
                self._send(content[start : start + CHUNK])
        elif known is not None:
            self._send({"value": known})
        else:
            self._send({"refused": f"nobody is there to say {kind} {name}: this host joins by itself"})

    def _tell(self, event: Dict[str, Any]) -> None:
        """What changed and what failed; values stay here."""
        if event.get("type") == "result" and event.get("status") in ("changed", "failed"):
            words: List[str] = [str(event["status"]), self._steps.get(str(event.get("id")), "a step")]
            if event["status"] == "failed" and not event.get("hidden"):
                items = [item for item in event.get("items", ()) if item["status"] == "failed"]
                words += [str(one.get("msg", "")) for one in items or [event]]
            self._say(" ".join(words).strip())

    def _send(self, message: Any) -> None:
        self._write(frames.pack(message))

    def _write(self, data: bytes) -> None:
        assert self._agent.stdin is not None
        self._agent.stdin.write(data)
        self._agent.stdin.flush()

    def _receive(self) -> Dict[str, Any]:
        assert self._agent.stdout is not None
        message = frames.read(self._agent.stdout.read)
        if not isinstance(message, dict):
            raise CannotJoin("the agent does not speak as agents do")
        return message


def unpacked(data: bytes) -> Dict[str, Any]:
    """A segment as it is kept in the store."""
    found: Dict[str, Any] = json.loads(zlib.decompress(data))
    return found
