"""What includes ask of the local machine: the steps of a file or role, the variables of files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from clusterbook.compile.hosts import sent_variables
from clusterbook.compile.plan import PlayPlan, StepInfo
from clusterbook.compile.reach import closure, texts, words
from clusterbook.errors import InvalidInput
from clusterbook.execute.session import Refusal
from clusterbook.language.environment import ExpressionError
from clusterbook.language.program import Program, Step, to_wire
from clusterbook.language.state import HostState
from clusterbook.language.values import encode
from clusterbook.lookups.places import directories, find, inside
from clusterbook.model import Host, Reader
from clusterbook.project.files import encrypted

ENDINGS = ["json", "yaml", "yml"]
# Of a pattern that a host makes: with more, it could keep this machine busy for ever.
HARMLESS_SIGNS, MOST_STARS = re.compile(r"[\w ./@^$|\\*-]{0,200}"), 2
# Names of arguments -> their values by the inventory alone. Raises ExpressionError.
Known = Callable[[tuple[str, ...]], Mapping[str, Any]]


def expansion_answer(plan: PlayPlan, host: Host, question: Mapping[str, Any]) -> Any:
    """The steps of an include. Raises Refusal with the problem and its place."""
    if plan.expander is None:
        raise Refusal("this play includes nothing during the run")
    try:
        return to_wire(plan.expander.expand(int(question["step"]), dict(question["arguments"]), host))
    except InvalidInput as error:
        raise Refusal(in_words(error)) from error


def in_words(error: InvalidInput) -> str:
    """A problem with its place and what to do, for a step's message."""
    place = f"{error.where}: " if error.where and error.where.file else ""
    return f"{place}{error.message}" + (f". {error.next_step}" if error.next_step else "")


def variables_answer(
    reader: Reader | None, info: StepInfo, host: Host, arguments: Mapping[str, Any],
    named: Callable[[str], bool] = lambda name: False, known: Known = lambda names: {},
) -> dict[str, Any]:
    """The variables of include_vars and the files that they came from. Raises Refusal.

    named(name): the play or the inventory names the file, so that it may lie anywhere, and may be encrypted.
    known(names): what the inventory alone makes of these arguments.
    """
    if reader is None:
        raise Refusal("this play reads no files of variables during the run")
    _refuse_patterns(arguments, known)
    arguments = _first(info, arguments)
    files = list(_files(info, arguments, named))
    values: dict[str, Any] = {}
    name = str(arguments.get("file") or arguments.get("_raw_params") or arguments.get("dir") or "")
    for file in files:
        if encrypted(file) and not named(name):
            raise Refusal(f"{file} is encrypted, and its name comes from the host: what a host says opens nothing")
        try:
            found = reader.variables(str(file))
        except InvalidInput as error:
            raise Refusal(in_words(error)) from error
        values.update(found)
    if arguments.get("name"):
        values = {str(arguments["name"]): values}
    used = closure({word for text in texts(values) for word in words(text)}, [values, host.variables])
    return {
        "values": encode(values),
        "variables": encode(sent_variables(host, used)),
        "files": [str(file) for file in files],
    }


def _refuse_patterns(arguments: Mapping[str, Any], known: Known) -> None:
    for name in ("files_matching", "ignore_files"):
        told = arguments.get(name) or []
        patterns = [str(one) for one in (told if isinstance(told, list) else [told])]
        if all(HARMLESS_SIGNS.fullmatch(one) and one.count("*") <= MOST_STARS for one in patterns):
            continue
        try:
            if known((name,)).get(name) == told:
                continue
        except ExpressionError:
            pass
        raise Refusal(f"{name} with such a pattern must come from the inventory or the play alone")


def learn_variables(
    state: HostState, program: Program, step: Step, arguments: Mapping[str, Any], values: Mapping[str, Any]
) -> None:
    """Keep what a host was answered, as the host does."""
    place = next((place for place, file in program.files if file.id == step.id), None)
    if place is None:
        state.include(values, arguments.get("hash_behaviour") == "merge")
    else:
        state.files[place] = dict(values)


def _first(info: StepInfo, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of several names, which `vars_files` may have, the first that exists."""
    names = arguments.get("file")
    if not isinstance(names, list) or not names:
        return arguments
    places = directories("vars", info.bases)
    return {**arguments, "file": next((name for name in map(str, names) if find(name, places)), str(names[-1]))}


def _files(info: StepInfo, arguments: Mapping[str, Any], named: Callable[[str], bool]) -> Iterator[Path]:
    name = str(arguments.get("file") or arguments.get("_raw_params") or arguments.get("dir") or "")
    if not name:
        raise Refusal("Could not find file: include_vars needs a file or a dir")
    places = directories("vars", info.bases)
    path = find(name, places)
    if path is None:
        raise Refusal(f"Could not find file {name}; looked in {', '.join(places)}")
    if not named(name) and not inside(path, tuple(places)):
        raise Refusal(f"{name} lies outside the directories of this step")
    if not arguments.get("dir"):
        if path.is_dir():
            raise Refusal(f"{name} is a directory; name it with 'dir'")
        yield path
        return
    if not path.is_dir():
        raise Refusal(f"{name} is not a directory")
    yield from _below(path, arguments)


def _below(path: Path, arguments: Mapping[str, Any]) -> Iterator[Path]:
    """The files of a directory: names sorted, files before those of directories below."""
    depth = _whole(arguments.get("depth") or 0)
    endings = {str(item).lstrip(".") for item in arguments.get("extensions") or ENDINGS}
    ignored = [str(item) for item in arguments.get("ignore_files") or ()]
    matching = _compiled(str(arguments.get("files_matching") or ""))
    left_out = [_compiled(f"{pattern}$") for pattern in ignored]
    for file in sorted(path.rglob("*"), key=lambda item: (str(item.parent), item.name)):
        level = len(file.relative_to(path).parts)
        if not file.is_file() or (depth and level > depth) or file.name in ignored:
            continue
        if any(pattern.search(file.name) for pattern in left_out) or not matching.search(file.name):
            continue
        if file.suffix.lstrip(".") in endings:
            yield file
        elif not arguments.get("ignore_unknown_extensions"):
            raise Refusal(f"{file} does not have a valid extension: {', '.join(sorted(endings))}")


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise Refusal(f"{pattern!r} is not a regular expression: {error}") from error


def _whole(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise Refusal(f"depth is {value!r}, expected a whole number") from error
