"""A worker: a process, here or on another machine, that drives the connections of some of a run's hosts.

It knows nothing but what the local machine sends it: programs, hosts with their connection variables, answers.
Every question of a host goes to the local machine, every event too.
"""

from __future__ import annotations

import os
import signal
import socket
from queue import SimpleQueue
from threading import Thread, current_thread, main_thread
from typing import Any

from clusterbook.errors import ClusterbookError, Unreachable
from clusterbook.execute.hosts import Agents
from clusterbook.execute.memory import expect_threads
from clusterbook.execute.services import Services
from clusterbook.execute.session import Refusal
from clusterbook.execute.streams import Gone, Stream
from clusterbook.model import Host
from clusterbook.transport.connect import Connector
from clusterbook.transport.protocol import Options


def serve_process(address: str, name: str) -> None:
    """Work for the local machine at a Unix socket until it says that the run is over; then, or when it is gone, end."""
    if current_thread() is main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the local machine stops hosts in order, and then this process
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(address)
    if not Worker(Stream(sock), name).serve():
        os._exit(0)  # nobody is left who would end this process


class Worker:
    """The worker's end of its connection."""

    def __init__(self, stream: Stream, name: str) -> None:
        """name: as the local machine called it."""
        self._stream = stream
        stream.send({"worker": name})
        self._programs: dict[int, Any] = {}
        self._replies: dict[str, SimpleQueue[dict[str, Any]]] = {}

    def serve(self) -> bool:
        """Do what comes; True when the run ended in order, False when the local machine is gone."""
        try:
            welcome = self._stream.receive()
        except Gone:
            return False
        expect_threads(int(welcome["hosts"]))
        agents = _agents(welcome)
        try:
            while True:
                message = self._stream.receive()
                if "end" in message:
                    return True
                self._take(message, agents)
        except Gone:
            return False
        finally:
            for replies in self._replies.values():
                replies.put({"gone": True})
            agents.close()
            self._stream.close()

    def _take(self, message: dict[str, Any], agents: Agents) -> None:
        if "segment" in message:
            segment = message["segment"]
            self._replies[segment["host"]["name"]] = SimpleQueue()
            Thread(target=self._run, args=(segment, agents), daemon=True, name=segment["host"]["name"]).start()
        elif "program" in message:
            self._programs[int(message["number"])] = message["program"]
        elif "stop" in message:
            agents.stop()
        elif "forget" in message:
            agents.forget(str(message["forget"]))
        else:
            self._replies[str(message["host"])].put(message)

    def _run(self, segment: dict[str, Any], agents: Agents) -> None:
        name = str(segment["host"]["name"])
        try:
            self._tell(name, self._outcome(name, segment, agents))
        except Gone:
            return

    def _outcome(self, name: str, segment: dict[str, Any], agents: Agents) -> dict[str, Any]:
        found = segment["host"]
        host = Host(name, tuple(found["groups"]), found["variables"], patience=float(found["patience"]))

        def take(events: Any) -> None:
            self._tell(name, {"events": events})

        def answer(question: dict[str, Any]) -> Any:
            self._tell(name, {"ask": question})
            return self._reply(name)

        try:
            session = agents.session(host, bool(segment["root"]), continues=bool(segment["continues"]))
            self._tell(name, {"begun": True})
            program = self._programs[int(segment["program"])]
            return {"done": session.play(program, segment["part"], take, answer)}
        except Unreachable as error:
            return {"unreachable": error.message, "next_step": error.next_step}
        except ClusterbookError as error:
            return {"failed": error.message, "next_step": error.next_step}

    def _reply(self, name: str) -> Any:
        reply = self._replies[name].get()
        if "gone" in reply:
            raise Gone("the local machine is gone")
        if "refused" in reply:
            raise Refusal(str(reply["refused"]))
        return reply["content"] if "content" in reply else reply.get("value")

    def _tell(self, host: str, message: dict[str, Any]) -> None:
        self._stream.send({"host": host, **message})


def _agents(welcome: dict[str, Any]) -> Agents:
    given = dict(welcome["options"])
    for key, value in given.items():
        given[key] = tuple(value) if isinstance(value, list) else value
    return Agents(
        Connector(Options(**given)), str(welcome["holder"]["run"]), Services(), bool(welcome["lock"]),
        holder=welcome["holder"], keep=str(welcome["keep"]),
    )  # fmt: skip
