"""A real terminal (tmux) in which commands run, and pictures of its screen."""

from __future__ import annotations

import io
import re
import secrets
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

COLUMNS = 104
# A picture fetches no letters from elsewhere; any monospaced ones will do.
FETCHED = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
LETTERS = "ui-monospace, Menlo, DejaVu Sans Mono"


class Terminal:
    """One screen with a shell."""

    def __init__(self, environment: Mapping[str, str], folder: Path, lines: int = 34) -> None:
        self._name = f"clusterbook-{secrets.token_hex(4)}"
        words = ("new-session", "-d", "-x", str(COLUMNS), "-y", str(lines), "bash --norc --noprofile")
        own = {**environment, "TERM": "xterm-256color", "HISTFILE": ""}  # bash writes its history when it has ended
        subprocess.run(["tmux", "-L", self._name, *words], env=own, cwd=folder, check=True)
        self.type("PS1='$ '")
        time.sleep(0.5)

    def type(self, line: str) -> None:
        """Type a command on a clean screen and press Enter."""
        self._tmux("send-keys", "clear", "Enter")
        time.sleep(0.5)
        self._tmux("clear-history")
        self._tmux("send-keys", "-l", line)
        self._tmux("send-keys", "Enter")

    def screen(self) -> str:
        """What is on the screen, with its colours as escape sequences."""
        return self._tmux("capture-pane", "-p", "-e").rstrip("\n")

    def run(self, line: str, seconds: float = 900) -> list[str]:
        """Run a command to its end; the screens on the way, the last one last."""
        self.type(line)
        seen: list[str] = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.5)
            seen.append(self.screen())
            if Text.from_ansi(seen[-1]).plain.rstrip().splitlines()[-1:] == ["$"]:
                return seen
        raise TimeoutError(f"{line} did not end within {seconds:g} s:\n{seen[-1]}")

    def close(self) -> None:
        """End the shell."""
        self._tmux("kill-server")

    def _tmux(self, *words: str) -> str:
        return subprocess.run(["tmux", "-L", self._name, *words], check=True, capture_output=True, text=True).stdout


def draw(screen: str, file: Path, title: str) -> None:
    """A screen as SVG; the prompt that waits at its end is left out."""
    lines = [line for line in screen.splitlines() if Text.from_ansi(line).plain.strip() != "$"]
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, legacy_windows=False)
    for line in lines:
        console.print(Text.from_ansi(line), no_wrap=True, overflow="crop", crop=True)
    svg = FETCHED.sub("", console.export_svg(title=title, theme=MONOKAI, unique_id=file.stem))
    svg = svg.replace("Fira Code", LETTERS)
    file.write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n")
