"""One agent on one host, seen from the local machine."""

from __future__ import annotations

import contextlib
import os
import socket
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from clusterbook.agent import frames
from clusterbook.errors import ClusterbookError, Failed, Unreachable
from clusterbook.execute import heard
from clusterbook.execute.bundle import MAGIC, Bundle, agent_bundle
from clusterbook.execute.stub import launch_command
from clusterbook.transport import failures
from clusterbook.transport.protocol import Become, Channel, Connection

Answer = Callable[[dict[str, Any]], Any]
Take = Callable[[Sequence[dict[str, Any]]], None]
CHUNK = 1024 * 1024
START_SECONDS = 30.0
# The agent of a run that was killed ends its current step before it lets go of the host: so long it is waited for.
DYING_SECONDS = 20.0
# An agent that is loaded answers at once; one that takes a run over first waits for the step that runs there.
HELLO_SECONDS = 120.0
# What a login may write before the agent greets: a banner, a shell's words.
MOST_BEFORE_GREETING = 1 << 20
# What is taken of a host's events, packed; of its words in messages.
MOST_EVENTS = 4 << 30
MOST_OF_A_CRASH, MOST_OF_A_NAME = 8000, 200


class Refusal(Exception):
    """A question of a host that the compiled play does not allow, or that cannot be answered; the text says why."""


class NoPython(Failed):
    """The host lacks what the agent needs: to wait does not help."""


class AgentSession:
    """A started agent. Used by one thread at a time, `stop` by any."""

    def __init__(self, connection: Connection, become: Become | None) -> None:
        """Start the agent and wait until its code is there. Raises Unreachable, Failed (no Python, sudo)."""
        bundle = agent_bundle()
        self.host = connection.host
        self._channel: Channel = connection.start(launch_command(bundle.digest, connection.python), become)
        self._buffer = b""
        self._greeted = self._told = self._events = 0
        self._end: float | None = time.monotonic() + START_SECONDS
        self._greet(bundle)

    def hello(self, holder: Mapping[str, Any], lock: bool, keep: Mapping[str, Any]) -> dict[str, Any]:
        """Introduce this run. Raises Failed when another run holds the host's lock.

        keep: what the host is to keep for another worker of the run, see agent.record.
        """
        greeting = {**holder, "lock": lock, **keep}
        self._end = None if keep.get("keep") else time.monotonic() + HELLO_SECONDS
        answer = self._greeting(greeting)
        deadline = time.monotonic() + DYING_SECONDS
        while not answer["ready"] and _died_here(answer["held"]) and time.monotonic() < deadline:
            time.sleep(0.5)
            answer = self._greeting(greeting)
        self._end = None
        if not answer.get("known", True):
            raise Failed(
                f"{self.host} does not know what it had finished when its worker was lost: its agent was killed, too, "
                "or the host was restarted",
                next_step="run the same command again: it observes everything anew",
            )
        if not answer["ready"]:
            held = {name: str(value)[:MOST_OF_A_NAME] for name, value in (answer["held"] or {}).items()}
            raise Failed(
                f"{self.host} is in use by run {held.get('run', '?')} of {held.get('user', '?')} "
                f"on {held.get('machine', '?')}, since {held.get('started', '?')}",
                next_step="wait until that run has ended, or end it, then run the same command again",
            )
        return answer

    def _greeting(self, greeting: Mapping[str, Any]) -> dict[str, Any]:
        self._send({"hello": dict(greeting)})
        answer = self._receive()
        if isinstance(answer.get("crash"), str):
            step = str(answer.get("next_step") or "")[:MOST_OF_A_CRASH]
            raise Failed(f"{self.host} cannot be worked on: {_crash(answer)}", next_step=step)
        if not (isinstance(answer.get("ready"), bool) and isinstance(answer.get("held"), dict | None)):
            raise self._given_up(f"it greets with {heard.short(answer)}")
        return answer

    def play(self, program: Mapping[str, Any], host: Any, take: Take, answer: Answer) -> bool:
        """Run a play (its program and what is sent ahead); True when no step failed. Raises Unreachable, Failed.

        take(events) is given those that came together.
        """
        self._send({**program, "host": host})
        while True:
            message = self._receive()
            if "ask" in message:
                self._reply(message, answer)
            elif isinstance(message.get("events"), list):
                self._count()
                take([self._checked(heard.event, event) for event in message["events"]])
            elif "done" in message:
                return message.get("succeeded") is True
            elif "crash" in message:
                raise Failed(f"the agent on {self.host} failed: {_crash(message)}")
            else:
                self._count()
                take([self._checked(heard.event, message)])

    def call(self, call: Mapping[str, Any], key: str, answer: Answer) -> dict[str, Any]:
        """Run one module (a step that another host delegated)."""
        self._send({"call": dict(call), "key": key})
        while True:
            message = self._receive()
            if "ask" in message:
                self._reply(message, answer)
            elif "crash" in message:
                raise Failed(f"the agent on {self.host} failed: {_crash(message)}")
            elif isinstance(message.get("value"), dict):
                return dict(message["value"])
            elif "events" not in message:
                raise self._given_up(f"it answers {heard.short(message)}")

    def stop(self) -> None:
        """Ask the agent to stop after its current step."""
        self._send({"stop": True})

    def stop_quietly(self) -> None:
        """stop(), for a host that may be gone already."""
        with contextlib.suppress(ClusterbookError):
            self.stop()

    def close(self) -> None:
        """End the connection's channel; the agent ends its current step and stops."""
        self.stop_quietly()
        self._channel.close()

    def _greet(self, bundle: Bundle) -> None:
        line = b""
        while not line.startswith(b"CLUSTERBOOK "):
            line = self._line()
        _, verdict, version, magic = (*line.decode("ascii", "replace").split(), "", "", "")[:4]
        if verdict == "need":
            code = bundle.compiled() if magic == MAGIC else bundle.payload
            self._write(len(code).to_bytes(8, "big"))
            self._write(code)  # not joined to its length: hundreds of hosts would each have a copy in memory
        elif verdict != "have":
            found = "Python is not installed" if verdict == "none" else f"its Python is {version[:MOST_OF_A_NAME]}"
            raise NoPython(
                f"{self.host} cannot run the agent: {found}, and 3.9 or newer is needed",
                next_step=f"install it: clusterbook ssh {self.host} -- sudo apt-get install -y python3 "
                "(with the same --inventory)",
            )

    def _line(self) -> bytes:
        while b"\n" not in self._buffer:
            part = self._arrived(4096)
            if not part:
                raise self._channel.why_ended()
            self._buffer += part
            self._greeted += len(part)
            if self._greeted > MOST_BEFORE_GREETING:
                raise self._given_up(f"it wrote {MOST_BEFORE_GREETING >> 20} MiB and started no agent")
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.strip()

    def _reply(self, question: dict[str, Any], answer: Answer) -> None:
        try:
            value = answer(self._checked(heard.question, question))
        except Refusal as refusal:
            self._send({"refused": str(refusal)})
            return
        if not isinstance(value, bytes):
            self._send({"value": value})
            return
        self._send({"bytes": len(value)})
        for start in range(0, len(value), CHUNK):
            self._send(value[start : start + CHUNK])

    def _send(self, message: Any) -> None:
        self._write(frames.pack(message))

    def _write(self, data: bytes) -> None:
        self._channel.write(data)

    def _checked(self, check: Callable[[Any], dict[str, Any]], message: Any) -> dict[str, Any]:
        try:
            return check(message)
        except heard.Nonsense as nonsense:
            raise self._given_up(str(nonsense)) from nonsense

    def _given_up(self, why: str) -> Failed:
        return Failed(
            f"{self.host} does not behave as an agent does, so it is left alone: {why}",
            next_step="look at what answers there before you trust it again: its Python, its login shell, its disk",
        )

    def _receive(self) -> dict[str, Any]:
        try:
            self._told = 0
            message = frames.read(self._read)
            if not isinstance(message, dict):
                raise self._given_up(f"it says {heard.short(message)}")
            return message
        except (ValueError, RecursionError, zlib.error) as error:
            raise self._given_up(f"what it sends cannot be read: {type(error).__name__}") from error
        except (EOFError, frames.BrokenFrame) as error:
            raise Unreachable(
                f"{self.host}: the agent's connection ended: {self._channel.why_ended().message}",
                next_step="run the same command again: it goes on where it stopped",
            ) from error

    def _read(self, size: int) -> bytes:
        if self._buffer:
            part, self._buffer = self._buffer[:size], self._buffer[size:]
            return part
        part = self._arrived(size)
        self._told += len(part)
        return part

    def _arrived(self, size: int) -> bytes:
        """What comes next; while the agent starts, until a moment that words now and then do not put off."""
        if self._end is None:
            return self._channel.read(size)
        left = self._end - time.monotonic()
        if left <= 0:
            raise failures.no_answer(self.host, START_SECONDS)
        return self._channel.read(size, left)

    def _count(self) -> None:
        """Events are kept here: a host that never ends them would fill this machine's disk."""
        self._events, self._told = self._events + self._told, 0
        if self._events > MOST_EVENTS:
            raise self._given_up(f"its events are more than {MOST_EVENTS >> 30} GiB")


def _crash(message: Mapping[str, Any]) -> str:
    """Why an agent failed, in its own words: their end, which says it."""
    return str(message["crash"])[-MOST_OF_A_CRASH:]


def _died_here(holder: Mapping[str, Any]) -> bool:
    """Whether the run that holds a host was one of this machine and its process is gone."""
    pid = holder.get("pid")
    if holder.get("machine") != socket.gethostname() or type(pid) is not int or not 0 < pid < 1 << 22:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
