"""The agent's end of the connection: file descriptors, questions and answers."""

from __future__ import annotations

import contextlib
import os
import select
import time
from typing import Any, List, NoReturn, Optional, Tuple

from clusterbook.agent import frames
from clusterbook.language.runtime import Refused, Stopped

# Seconds that an event waits for others at most, while steps go on.
PATIENCE = 0.05
MOST_EVENTS = 200


def pair() -> Tuple[Link, Link]:
    """Both ends of a connection between this process and a child, of pipes: the module for sockets is slow to load."""
    to_child, from_us = os.pipe()
    to_us, from_child = os.pipe()
    return Link(to_us, from_us), Link(to_child, from_child)


def trace() -> str:
    """The traceback of the exception that is being handled. What makes it is loaded only when something is wrong."""
    from traceback import format_exc

    return format_exc()


class Link:
    """Frames over two descriptors. One question at a time; the answer comes before the next."""

    def __init__(self, input_descriptor: int, output_descriptor: int) -> None:
        """Descriptors of the connection (or of a pair of pipes in tests)."""
        self.input_descriptor = input_descriptor
        self._output = output_descriptor
        self.stopping = False
        # The connection has ended without a word: the local machine, or its worker, is gone.
        self.lost = False
        # The local machine and the host are the same one.
        self.here = False
        # Answers that came with the play: 'kind:step:name' -> value.
        self.ahead: dict[str, Any] = {}
        self._events: List[Any] = []
        self._since = 0.0

    def cut(self) -> None:
        """As if the connection had ended: whatever waits for it, or asks, goes on at once."""
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, self.input_descriptor)
        os.close(nothing)

    def pause(self, seconds: float) -> None:
        """Send what waits, then wait. A stop, or the connection's end, ends it. Raises Stopped."""
        self.flush()
        ready, _, _ = select.select([self.input_descriptor], [], [], max(0.0, seconds))
        if ready:
            with contextlib.suppress(Stopped):
                self.receive()  # notes whether it was the end of the connection
            self.stopping = True
            raise Stopped("the local machine asked to stop")

    def leave(self) -> NoReturn:
        """The host goes away: end as if the connection had. Raises Stopped."""
        self.flush()
        self.lost = True
        raise Stopped("the host goes away")

    def close(self) -> None:
        """Close both descriptors."""
        os.close(self.input_descriptor)
        os.close(self._output)

    def post(self, event: Any) -> None:
        """Send an event soon, together with others: a message for each costs both ends more than many steps take.

        It goes with the next frame, or once the first that waits is PATIENCE old and the agent waits or posts another.
        """
        if not self._events:
            self._since = time.monotonic()
        self._events.append(event)
        if time.monotonic() - self._since > PATIENCE or len(self._events) >= MOST_EVENTS:
            self.flush()

    def patience(self) -> Optional[float]:
        """How many seconds the events that wait may still do so; None when there are none."""
        return max(0.0, self._since + PATIENCE - time.monotonic()) if self._events else None

    def flush(self) -> None:
        """Send the events that wait. Does not raise: a step at work must end, whatever became of the connection."""
        events, self._events = self._events, []
        if events and not self.lost:
            with contextlib.suppress(Stopped):
                self._write({"events": events})

    def send(self, message: Any) -> None:
        """Send one frame, after the events that wait. Raises Stopped when the connection is gone."""
        self.flush()
        self._write(message)

    def _write(self, message: Any) -> None:
        data = memoryview(frames.pack(message))
        try:
            while data:
                data = data[os.write(self._output, data):]
        except OSError as error:
            self.lost = True
            raise Stopped("the connection is gone") from error

    def receive(self) -> Any:
        """The next frame. Raises Stopped at the end of the connection."""
        try:
            return frames.read(lambda count: os.read(self.input_descriptor, count))
        except (EOFError, OSError, frames.BrokenFrame) as error:
            self.lost = True
            raise Stopped("the connection is gone") from error

    def ask(self, kind: str, **question: Any) -> Any:
        """Ask and wait. Raises Refused with the local machine's words, Stopped."""
        return self.relay({"ask": kind, **question})

    def relay(self, question: dict[str, Any]) -> Any:
        """Send a question as it is and return the answer's value (bytes follow in frames of their own)."""
        known = f"{question.get('ask')}:{question.get('step')}:{question.get('name')}"
        if known in self.ahead:
            return self.ahead[known]
        self.send(question)
        answer = self.receive_answer()
        if "refused" in answer:
            raise Refused(str(answer["refused"]))
        if "bytes" in answer:
            return self._bytes(int(answer["bytes"]))
        return answer.get("value")

    def receive_answer(self) -> dict[str, Any]:
        """The next frame that is an answer; a stop that arrives meanwhile ends the run."""
        message: Any = self.receive()
        if not isinstance(message, dict) or message.get("stop"):
            self.stopping = True
            raise Stopped("the local machine asked to stop")
        return message

    def _bytes(self, size: int) -> bytes:
        parts = []
        while size > 0:
            part = self.receive()
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


