"""The application that deploy-app's options describe; all that is wrong in them is told together."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from clusterbook.cluster.apps import rules
from clusterbook.cluster.apps.app import App
from clusterbook.cluster.apps.image_file import ImageFile, open_image_file
from clusterbook.errors import InvalidInput, InvalidProject

T = TypeVar("T")


def application(
    fields: Mapping[str, Any], image_file: str, env: Sequence[str], secret: Sequence[str], args: str, timeout: int
) -> tuple[App, ImageFile | None]:  # fmt: skip
    """The application and its image's archive. fields: those of App that options give as they are.

    Raises InvalidInput with all that is wrong.
    """
    problems = [*rules.seconds(timeout, "--timeout")]
    archive = _kept(problems, lambda: open_image_file(Path(image_file), fields["image"]) if image_file else None)
    # What could not be read is told already.
    image = archive.reference if archive else fields["image"] or ("unread" if image_file else "")
    given = {
        "variables": _kept(problems, lambda: variables(env)) or {},
        "secrets": _kept(problems, lambda: secrets(secret)) or {},
        "arguments": _kept(problems, lambda: words(args)) or (),
        "image": image, "image_file": archive.sha256 if archive else "",
    }  # fmt: skip
    _kept(problems, lambda: _apart(env, secret))
    app = _kept(problems, lambda: App(**{**fields, **given}))
    rules.refuse(problems)
    assert app
    return app, archive


def _kept(problems: list[InvalidInput], make: Callable[[], T]) -> T | None:
    """What is made. Its problems are kept, so that the other parts are looked at, too."""
    try:
        return make()
    except InvalidProject as several:
        problems += several.problems
    except InvalidInput as one:
        problems.append(one)
    return None


def words(text: str) -> tuple[str, ...]:
    """Words quoted as in a shell. Raises InvalidInput."""
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise InvalidInput(
            f"--args is {text!r}, expected words quoted as in a shell: {str(error).lower()}",
            next_step="Close each quotation mark, or put \\ before one that is meant.",
        ) from error


def variables(pairs: Sequence[str]) -> dict[str, str]:
    """NAME=VALUE -> both. Raises InvalidInput."""
    found: dict[str, str] = {}
    problems: list[InvalidInput] = []
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            problems.append(InvalidInput(f"--env is {pair!r}, expected NAME=VALUE",
                                         next_step=f"Write it as --env {name or 'NAME'}=VALUE."))  # fmt: skip
        elif name in found:
            problems.append(_twice(name, "--env has it twice"))
        else:
            found[name] = value
    rules.refuse(problems)
    return found


def secrets(named: Sequence[str], environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """NAME=@FILE or NAME -> the value, from the file or from the environment. Raises InvalidInput."""
    found: dict[str, str] = {}
    problems: list[InvalidInput] = []
    for word in named:
        if given := _kept(problems, partial(_secret, word, environment)):
            name, value = given
            if name in found:
                problems.append(_twice(name, "--secret has it twice"))
            found[name] = value
    rules.refuse(problems)
    return found


def _apart(plain: Sequence[str], secret: Sequence[str]) -> None:
    """InvalidInput for a variable that is both. plain, secret: the words of --env and of --secret."""
    both = {word.partition("=")[0] for word in plain} & {word.partition("=")[0] for word in secret}
    rules.refuse([_twice(name, "--env and --secret both have it") for name in sorted(both)])


def _twice(name: str, why: str) -> InvalidInput:
    return InvalidInput(f"the variable {name!r} is given twice, expected once: {why}",
                        next_step="Leave one of them out.")  # fmt: skip


def _secret(word: str, environment: Mapping[str, str]) -> tuple[str, str]:
    name, equals, rest = word.partition("=")
    if equals and not rest.startswith("@"):
        raise InvalidInput(
            f"--secret {name}=… holds the value itself, which every user of this machine could read",
            next_step=f"Put it into a file and write {name}=@FILE, or export {name} and write --secret {name}.",
        )
    if equals:
        try:
            return name, Path(rest[1:]).read_text(encoding="utf-8").rstrip("\n")
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", "") or str(error)
            raise InvalidInput(f"--secret {name}: {rest[1:]} cannot be read: {why.lower()}",
                               next_step="Name a file that you may read.") from error  # fmt: skip
    if name not in environment:
        raise InvalidInput(f"--secret {name}: this shell has no variable {name}", next_step=f"Export {name} first.")
    return name, environment[name]
