"""The agent's end of the connection: file descriptors, questions and answers."""

from __future__ import annotations

import os
from typing import Any

from clusterbook.agent import frames
from clusterbook.language.runtime import Refused, Stopped


class Link:
    """Frames over two descriptors. One question at a time; the answer comes before the next."""

    def __init__(self, input_descriptor: int, output_descriptor: int) -> None:
        """Descriptors of the connection (or of a pair of pipes in tests)."""
        self.input_descriptor = input_descriptor
        self._output = output_descriptor
        self.stopping = False
        # Answers that came with the play: 'kind:step:name' -> value.
        self.ahead: dict[str, Any] = {}

    def send(self, message: Any) -> None:
        """Send one frame. Raises Stopped when the connection is gone."""
        data = memoryview(frames.pack(message))
        try:
            while data:
                data = data[os.write(self._output, data):]
        except OSError as error:
            raise Stopped("the connection is gone") from error

    def receive(self) -> Any:
        """The next frame. Raises Stopped at the end of the connection."""
        try:
            return frames.read(lambda count: os.read(self.input_descriptor, count))
        except (EOFError, OSError, frames.BrokenFrame) as error:
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


