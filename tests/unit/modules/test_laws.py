"""The laws of every state module, on generated steps.

1 Apply twice is apply once. 2 Check mode foretells the result and the changes, or says that it cannot; it touches
nothing. 3 When any write fails, each path is what it was or what it becomes. 4 A diff applied to the old text gives
the new. 5 No step that a plan of several steps shows as unchanged changes.
"""

from __future__ import annotations

import difflib
import errno
import importlib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as some

from clusterbook.modules import registry
from clusterbook.modules.contract import Outcome
from clusterbook.modules.system import System
from clusterbook.modules.system.files import Attributes, Files
from clusterbook.modules.system.predicted import PredictedSystem
from tests.unit.modules.conftest import perform, tree
from tests.unit.modules.doubles import FINGERPRINT, Programs
from tests.unit.modules.histories import DOUBLES, FILES, HOSTS, History
from tests.unit.modules.test_certificate import Authority

Arguments = dict[str, Any]
EXAMPLES = int(os.environ.get("CLUSTERBOOK_LAW_EXAMPLES", "5"))
WRITES = ("write", "make_directory", "remove", "link", "attributes", "times")
quick = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
slow = settings(quick, max_examples=max(2, EXAMPLES // 6))


def implementations(names: object) -> set[str]:
    """Files of modules by names; several names may mean one."""
    return {registry.load(name).__name__ for name in names}  # type: ignore[attr-defined]


def test_every_state_module_has_its_laws_proved() -> None:
    state = {name for name in registry.names() if registry.specification(name).kind == "state"}
    assert implementations(state) == implementations({*FILES, *HOSTS, *DOUBLES})
    assert not {*FILES, *HOSTS, *DOUBLES} - state


@contextmanager
def directory(history: History) -> Iterator[Path]:
    """A prepared directory; places that a module has by itself lie in it."""
    with tempfile.TemporaryDirectory() as path, ExitStack() as stack:
        root = Path(path)
        history.prepare(root)
        for module, name, value in history.constants:
            loaded = importlib.import_module(f"clusterbook.modules.{module}")
            stack.enter_context(patch.object(loaded, name, placed(value, root)))
        yield root


def placed(value: Any, root: Path) -> Any:
    """A value whose "@/" are the directory."""
    if isinstance(value, str):
        return value.replace("@/", f"{root}/")
    if isinstance(value, list):
        return [placed(item, root) for item in value]
    return {key: placed(item, root) for key, item in value.items()} if isinstance(value, dict) else value


def steps(history: History, most: int) -> some.SearchStrategy[list[Arguments]]:
    """A history of steps."""
    return some.lists(history.steps, max_size=most)


def told(outcome: Outcome) -> tuple[object, ...]:
    """What check mode must foretell."""
    return outcome.changed, outcome.failed, outcome.changes


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_steps_that_laws_are_proved_on_do_their_work(name: str) -> None:
    history = FILES[name]

    def works(step: Arguments) -> bool:
        with directory(history) as root:
            outcome = perform(name, placed(step, root), System(), False)
            return outcome.changed and not outcome.failed

    find(history.steps, works, settings=settings(max_examples=200, database=None, phases=[Phase.generate]))


@pytest.mark.parametrize("name", sorted(FILES))
def test_apply_twice_is_apply_once_and_check_foretells_it(name: str) -> None:
    history = FILES[name]

    @(slow if history.slow else quick)
    @given(steps(history, 4), history.steps)
    def law(before: list[Arguments], step: Arguments) -> None:
        with directory(history) as root:
            host = System()
            for item in before:
                perform(name, placed(item, root), host, False)
            arguments, old = placed(step, root), tree(root)
            foreseen = perform(name, arguments, PredictedSystem(), True)
            assert tree(root) == old
            first = perform(name, arguments, host, False)
            assert foreseen.unknown or told(foreseen) == told(first)
            assert first.failed or first.changed == (tree(root) != old)
            new = tree(root)
            second = perform(name, arguments, host, False)
            assert not second.changed and tree(root) == new
            assert second.failed == first.failed

    law()


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_plan_of_several_steps_shows_no_step_as_unchanged_that_changes(name: str) -> None:
    history = FILES[name]

    @(slow if history.slow else quick)
    @given(steps(history, 2), steps(history, 5))
    def law(before: list[Arguments], planned: list[Arguments]) -> None:
        with directory(history) as root:
            host, predicted = System(), PredictedSystem()
            for item in before:
                perform(name, placed(item, root), host, False)
            old = tree(root)
            foreseen = [perform(name, placed(step, root), predicted, True) for step in planned]
            assert tree(root) == old
            for step, prediction in zip(planned, foreseen, strict=True):
                outcome = perform(name, placed(step, root), host, False)
                told = prediction.changed, prediction.failed
                assert prediction.unknown or told == (outcome.changed, outcome.failed)

    law()


class Breaking(Files):
    """Files of which one write, counted from 0, fails: before anything, or (late) after the content was written."""

    def __init__(self, at: int, late: bool) -> None:
        super().__init__()
        self.left, self.late = at, late

    def fails(self) -> bool:
        """Count one write."""
        self.left -= 1
        return self.left == -1

    def _dress(self, temporary: str, path: str, attributes: Attributes) -> None:
        if self.late and self.left == -1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        super()._dress(temporary, path, attributes)


def breaking(name: str) -> Any:
    """A method of Files that may fail."""

    def method(self: Breaking, *args: Any, **options: Any) -> Any:
        if self.fails() and not (self.late and name == "write"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(args[0]))
        return getattr(Files, name)(self, *args, **options)

    return method


for method_name in WRITES:
    setattr(Breaking, method_name, breaking(method_name))


@pytest.mark.parametrize("name", sorted(FILES))
def test_when_a_write_fails_each_path_is_what_it_was_or_what_it_becomes(name: str) -> None:
    history = FILES[name]

    @(slow if history.slow else quick)
    @given(steps(history, 3), history.steps, some.integers(0, 4), some.booleans())
    def law(before: list[Arguments], step: Arguments, at: int, late: bool) -> None:
        with directory(history) as root:
            for item in before:
                perform(name, placed(item, root), System(), False)
            arguments, old = placed(step, root), tree(root)
            host = System()
            host.files = Breaking(at, late)
            broken = perform(name, arguments, host, False)
            middle = tree(root)
            whole = perform(name, arguments, System(), False)
            assert host.files.left >= 0 or broken.failed
            for path in {*old, *middle}:
                settled(path, old, middle, tree(root), whole.failed)

    law()


def settled(path: str, old: Mapping[str, Any], middle: Mapping[str, Any], new: Mapping[str, Any], failed: bool) -> None:
    """Assert that a path is old or new: of a file also mode and owner, which are never between."""
    found, states = middle.get(path), [old.get(path), new.get(path)]
    if found is not None and found[3] is not None:
        assert found in states, path
    elif not failed:
        kinds = [item and item[0] >> 12 for item in states]
        assert (found and found[0] >> 12) in kinds, path


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_diff_applied_to_the_old_text_gives_the_new(name: str) -> None:
    history = FILES[name]

    @(slow if history.slow else quick)
    @given(steps(history, 3), history.steps)
    def law(before: list[Arguments], step: Arguments) -> None:
        with directory(history) as root:
            for item in before:
                perform(name, placed(item, root), System(), False)
            old = tree(root)
            outcome = perform(name, placed(step, root), System(), False)
            new, texts = tree(root), [change for change in outcome.changes if change.what == "content"]
            if outcome.failed or not texts or "from file:" in str(texts[0].after):
                return
            paths = [path for path in {*old, *new} if content(old, path) != content(new, path)]
            assert len(paths) <= 1
            for path in paths:
                was, becomes = content(old, path), content(new, path)
                assert (texts[0].before or "") == (was or ""), path
                assert patched(was or "", texts[0].before or "", texts[0].after or "") == (becomes or ""), path

    law()


def content(found: Mapping[str, Any], path: str) -> str | None:
    """The text of a file."""
    data = found[path][3] if path in found else None
    return data.decode() if isinstance(data, bytes) else None


def patched(text: str, before: str, after: str) -> str:
    """A text to which the unified diff of two others is applied."""
    lines, made, position = text.splitlines(keepends=True), [], 0
    shown = list(difflib.unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), n=1))
    for line in shown[2:]:
        if match := re.match(r"@@ -(\d+)(?:,(\d+))? ", line):
            start = int(match[1]) - (0 if match[2] == "0" else 1)
            made += lines[position:start]
            position = start
        elif line[0] == "+":
            made.append(line[1:])
        elif line[0] in " -":
            assert lines[position] == line[1:]
            made += [line[1:]] if line[0] == " " else []
            position += 1
    return "".join(made + lines[position:])


@pytest.mark.parametrize("name", sorted(DOUBLES))
def test_the_laws_hold_where_programs_and_authorities_remember(name: str) -> None:
    @slow
    @given(some.lists(DOUBLES[name], max_size=3), DOUBLES[name])
    def law(before: list[Arguments], step: Arguments) -> None:
        with directory(History(DOUBLES[name])) as root:
            (root / "key").write_text("a key")
            programs, authority = Programs(), Authority()
            host, predicted = System(sign=authority.sign), PredictedSystem(sign=authority.sign)
            if name != "certificate":
                host.query = host.execute = predicted.query = programs  # type: ignore[method-assign, assignment]
            for item in (*before, step):
                arguments = placed(item, root)
                if name == "ansible.builtin.apt_key" and arguments.get("state") == "absent":
                    arguments["id"] = FINGERPRINT[-16:]
                if name == "certificate":
                    authority.arguments = arguments
                    arguments = {**arguments, "_authority_certificate": authority.pem}
                old = programs.state(), tree(root)
                foreseen = perform(name, arguments, predicted, True)
                assert (programs.state(), tree(root)) == old
                first = perform(name, arguments, host, False)
                assert not first.failed, first.message
                assert foreseen.unknown or foreseen.changed == first.changed
                assert first.changed == ((programs.state(), tree(root)) != old)
                new = programs.state(), tree(root)
                assert not perform(name, arguments, host, False).changed
                assert (programs.state(), tree(root)) == new

    law()


class FullDisk(RuntimeError):
    """Stands for whatever may go wrong while content is written."""


@settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.generate, Phase.shrink])
@given(some.binary(max_size=4096), some.binary(max_size=4096), some.integers(0, 3), some.booleans())
def test_a_failing_write_leaves_the_old_file_or_the_new_one(old: bytes, new: bytes, fail_at: int, exists: bool) -> None:
    def blocks() -> Iterator[bytes]:
        """Three blocks, one of which may fail."""
        for index in range(3):
            if index == fail_at:
                raise FullDisk
            yield new[index::3]

    with tempfile.TemporaryDirectory() as root:
        path = Path(root) / "f"
        if exists:
            path.write_bytes(old)
        failed = False
        try:
            System().files.write(str(path), blocks, Attributes(mode=0o600))
        except FullDisk:
            failed = True
        assert [item.name for item in Path(root).iterdir()] == (["f"] if exists or not failed else [])
        if path.exists():
            assert path.read_bytes() == (old if failed else b"".join(new[index::3] for index in range(3)))


def test_a_write_survives_a_killed_process(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    child = os.fork()
    if child == 0:
        System().files.write(str(path), lambda: iter([b"new", os._exit(1)]))  # type: ignore[func-returns-value, list-item]
    os.waitpid(child, 0)
    assert path.read_bytes() == b"old"
