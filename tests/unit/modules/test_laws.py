"""The laws of every state module, on generated histories of steps.

Apply twice is apply once; what check mode predicts is what apply changes; a plan touches nothing; a step shown as
unchanged in a plan of several steps does not change; a failing apply leaves the old file or the new one.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some

from clusterbook.modules.perform import perform
from clusterbook.modules.system import System
from clusterbook.modules.system.files import Attributes
from clusterbook.modules.system.predicted import PredictedSystem
from tests.unit.modules.conftest import tree

Step = tuple[str, dict[str, Any]]
NAMES = some.sampled_from(["a", "b", "d", "d/x", "d/e", "d/e/y", "l"])
MODES = some.sampled_from([None, "0600", "0755", "u=rw,g=r,o=", "g+w", "a-x"])
OWNERS = some.sampled_from([None, "root", "nobody"])
TEXTS = some.sampled_from(["", "x\n", "x\ny\n", "y", "# {mark}\n"])


def file_steps() -> some.SearchStrategy[Step]:
    """file, copy and text modules over a handful of paths, so that steps meet."""
    common = {"path": NAMES, "mode": MODES, "owner": OWNERS}
    file = some.fixed_dictionaries({
        **common, "state": some.sampled_from(["directory", "absent", "file"]), "recurse": some.booleans()})
    link = some.fixed_dictionaries({"path": NAMES, "src": NAMES, "force": some.booleans(), "state": some.just("link")})
    copy = some.fixed_dictionaries({
        "dest": NAMES, "mode": MODES, "owner": OWNERS, "content": TEXTS, "force": some.booleans()})
    line = some.fixed_dictionaries({**common, "line": some.sampled_from(["x", "y"]), "create": some.booleans()})
    gone = some.fixed_dictionaries({
        "path": NAMES, "regexp": some.sampled_from(["x", "^y"]), "state": some.just("absent")})
    block = some.fixed_dictionaries({"path": NAMES, "block": TEXTS, "create": some.booleans()})
    return some.one_of(
        *(some.tuples(some.just(name), arguments) for name, arguments in (
            ("file", file), ("file", link), ("copy", copy), ("lineinfile", line), ("lineinfile", gone),
            ("blockinfile", block))))


@contextmanager
def host_directory() -> Iterator[Path]:
    """An empty directory."""
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


def placed(step: Step, root: Path) -> Step:
    """The step with its paths below a directory."""
    name, arguments = step
    return name, {key: str(root / value) if key in ("path", "dest", "src") else value
                  for key, value in arguments.items() if value is not None}


@settings(max_examples=150, deadline=None)
@given(some.lists(file_steps(), max_size=6), file_steps())
def test_apply_twice_is_apply_once_and_check_predicts_it(history: list[Step], step: Step) -> None:
    with host_directory() as root:
        host = System()
        for name, arguments in (placed(item, root) for item in history):
            perform(name, arguments, host, False)
        name, arguments = placed(step, root)
        before = tree(root)
        foreseen = perform(name, arguments, PredictedSystem(), True)
        assert tree(root) == before
        first = perform(name, arguments, host, False)
        assert (first.changed, first.failed, first.changes) == (foreseen.changed, foreseen.failed, foreseen.changes)
        assert first.failed or first.changed == (tree(root) != before)
        after = tree(root)
        second = perform(name, arguments, host, False)
        assert not second.changed and tree(root) == after
        assert second.failed == first.failed


@settings(max_examples=150, deadline=None)
@given(some.lists(file_steps(), max_size=4), some.lists(file_steps(), max_size=6))
def test_no_step_shown_as_unchanged_in_a_plan_changes(history: list[Step], steps: list[Step]) -> None:
    with host_directory() as root:
        host, predicted = System(), PredictedSystem()
        for name, arguments in (placed(item, root) for item in history):
            perform(name, arguments, host, False)
        before = tree(root)
        foreseen = [perform(*placed(step, root), predicted, True) for step in steps]
        assert tree(root) == before
        for step, prediction in zip(steps, foreseen, strict=True):
            outcome = perform(*placed(step, root), host, False)
            assert prediction.unknown or (prediction.changed, prediction.failed) == (outcome.changed, outcome.failed)


class FullDisk(RuntimeError):
    """Stands for whatever may go wrong while content is written."""


@settings(max_examples=60, deadline=None)
@given(some.binary(max_size=4096), some.binary(max_size=4096), some.integers(0, 3), some.booleans())
def test_a_failing_write_leaves_the_old_file_or_the_new_one(old: bytes, new: bytes, fail_at: int, exists: bool) -> None:
    def content() -> Iterator[bytes]:
        """Three blocks, one of which may fail."""
        for index in range(3):
            if index == fail_at:
                raise FullDisk
            yield new[index::3]

    with host_directory() as root:
        path = root / "f"
        if exists:
            path.write_bytes(old)
        failed = False
        try:
            System().files.write(str(path), content, Attributes(mode=0o600))
        except FullDisk:
            failed = True
        assert [item.name for item in root.iterdir()] == (["f"] if exists or not failed else [])
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
