"""A page of the documentation whose commands are run: what it says they print is compared with what they print."""

from __future__ import annotations

import re
import secrets
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ANYTHING = "…"
INTERRUPTED = 130
_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
# A fence with its language, or an indented line outside of fences.
_TYPED = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```|^ {4}([a-z][^\n]*)$", re.DOTALL | re.MULTILINE)
_SHELLS = ("", "sh")
_PLAIN = re.compile(r"^```\n(.*?)^```", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r"  +# .*$")
# What a page writes where a person ends a command that goes on until then, and the seconds that it goes on here.
INTERRUPT, INTERRUPT_SECONDS = "^C", 30
_STATUS = re.compile(r"\(exit status (\d+)\)")


@dataclass(frozen=True)
class Command:
    """One command of a page, a line of a shell. output: lines, in which … stands for anything.

    interrupted: it goes on until somebody presses Ctrl-C.
    """

    line: str
    output: tuple[str, ...]
    status: int = 0
    interrupted: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """Those of a task, without `invoke`."""
        program, *words = shlex.split(self.line)
        assert program == "invoke", self.line
        return tuple(words)


def commands(page: Path) -> Mapping[str, list[Command]]:
    """Section -> its commands, in the page's order."""
    return {
        title: [command for block in _BLOCK.findall(body) for command in _session(block)]
        for title, body in _titled(page.read_text())[1:]
    }


def blocks(page: Path) -> Mapping[str, list[str]]:
    """Section -> the lines of its indented blocks, and of those in fences without a language, without comments."""
    found: dict[str, list[str]] = {}
    for title, body in _titled(page.read_text()):
        plain = [line for part in _PLAIN.findall(body) for line in part.splitlines()]
        indented = [line[4:] for line in _PLAIN.sub("", body).splitlines() if re.match(r"    [a-z]", line)]
        found[title] = [_COMMENT.sub("", line) for line in indented + plain]
    return found


def typed(page: Path) -> list[Command]:
    """All that a page has for a shell, in its order.

    Of console fences with what it prints; of other blocks (indented lines, fences without a language or of `sh`) it may
    print anything.
    """
    found: list[Command] = []
    for kind, fenced, indented in _TYPED.findall(page.read_text()):
        if kind == "console":
            found += _session(fenced)
        elif kind in _SHELLS:
            lines = (fenced or indented).splitlines()
            found += [Command(_COMMENT.sub("", line), (ANYTHING,)) for line in lines if line.strip()]
    return found


class Shell:
    """One bash for a whole page, so that what a command sets holds for the next ones."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._bash = subprocess.Popen(["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                      text=True, env=dict(environment), cwd=folder)  # fmt: skip

    def run(self, line: str) -> tuple[int, str]:
        """Exit status and all that it printed."""
        end = f"=== {secrets.token_hex(8)}"
        assert self._bash.stdin and self._bash.stdout
        self._bash.stdin.write(f"{line} </dev/null\nprintf '\\n%s %s\\n' '{end}' $?\n")
        self._bash.stdin.flush()
        printed = []
        for each in self._bash.stdout:
            if each.startswith(end):
                return int(each.split()[-1]), "".join(printed).removesuffix("\n")
            printed.append(each)
        raise AssertionError(f"the shell ended at: {line}\n{''.join(printed)}")

    def close(self) -> None:
        """End it."""
        assert self._bash.stdin and self._bash.stdout
        self._bash.stdin.close()
        self._bash.wait()
        self._bash.stdout.close()


def walk(steps: Sequence[Command], run: Callable[..., str]) -> list[str]:
    """Run tasks one after the other; what each printed, which must be what the page says."""
    found = []
    for step in steps:
        output = run(*step.words, expect=step.status)
        assert agrees(step.output, output.splitlines()), f"{step.line} printed\n{output}"
        found.append(output)
    return found


def type_in(steps: Sequence[Command], shell: Shell) -> None:
    """Type commands into a shell one after the other; each must end and print as the page says."""
    for step in steps:
        ending = f"timeout --preserve-status --signal INT {INTERRUPT_SECONDS} " if step.interrupted else ""
        status, output = shell.run(ending + step.line)
        print(f"exit {status}  {step.line}")
        wanted = {step.status, INTERRUPTED} if step.interrupted else {step.status}
        assert status in wanted, f"exit {status}, the page says {step.status}: {step.line}\n{output}"
        assert agrees(step.output, output.splitlines()), f"{step.line} printed\n{output}"


def agrees(expected: Sequence[str], lines: Sequence[str]) -> bool:
    """Whether lines are as expected: a line of … alone is any number of lines; blanks do not count."""
    wanted = [" ".join(line.split()) for line in expected if line.strip()]
    said = "".join(f"{' '.join(line.split())}\n" for line in lines if line.strip())
    pattern = "".join("(?:.*\n)*" if line == ANYTHING else f"{_line(line)}\n" for line in wanted)
    return re.fullmatch(pattern, said) is not None


def _titled(text: str) -> list[tuple[str, str]]:
    """(title, text) of a page's sections; the first, without a title, is what stands before them."""
    parts = ["", *_SECTION.split(text)]
    return list(zip(parts[::2], parts[1::2], strict=True))


def _line(text: str) -> str:
    return ".*".join(re.escape(part) for part in text.split(ANYTHING))


def _session(block: str) -> list[Command]:
    return [_command(text) for text in f"\n{block}".split("\n$ ")[1:]]


def _command(text: str) -> Command:
    first, *rest = text.rstrip().splitlines()
    if rest and rest[-1] == INTERRUPT:
        return Command(first, tuple(rest[:-1]), interrupted=True)
    status = _STATUS.fullmatch(rest[-1]) if rest else None
    return Command(first, tuple(rest[:-1] if status else rest), int(status[1]) if status else 0)
