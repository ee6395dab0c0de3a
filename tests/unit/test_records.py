"""Our `dataclass` behaves as the standard library's in all that the program uses."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from clusterbook import records


def made(decorator: Any) -> tuple[Any, Any]:
    """The same frozen class and its heir, made by a decorator."""

    @decorator(frozen=True)
    class Host:
        """A host."""

        name: str
        groups: tuple[str, ...] = ()
        found: dict[str, int] = dataclasses.field(default_factory=dict, compare=False, repr=False)

    @decorator(frozen=True)
    class Node(Host):
        """One more field."""

        role: str = "worker"

    Host.__qualname__, Node.__qualname__ = "Host", "Node"
    return Host, Node


OURS, THEIRS = made(records.dataclass), made(dataclasses.dataclass)


@pytest.mark.parametrize(("host", "node"), [OURS, THEIRS], ids=["ours", "the standard library's"])
def test_a_frozen_class_compares_hashes_and_shows_its_fields(host: Any, node: Any) -> None:
    one, same, other = host("a", ("x",)), host("a", groups=("x",), found={"y": 1}), host("b")
    assert one == same != other
    assert hash(one) == hash(same)
    assert repr(one) == "Host(name='a', groups=('x',))"
    assert one != node("a", ("x",))
    assert repr(node("a")) == "Node(name='a', groups=(), role='worker')"
    assert host.__eq__(one, 1) is NotImplemented


@pytest.mark.parametrize(("host", "node"), [OURS, THEIRS], ids=["ours", "the standard library's"])
def test_a_frozen_class_cannot_be_changed(host: Any, node: Any) -> None:
    for change in (lambda one: setattr(one, "name", "b"), lambda one: setattr(one, "new", 1),
                   lambda one: delattr(one, "name")):  # fmt: skip
        for kind in (host, node):
            with pytest.raises(dataclasses.FrozenInstanceError):
                change(kind("a"))


@pytest.mark.parametrize(("host", "node"), [OURS, THEIRS], ids=["ours", "the standard library's"])
def test_the_standard_librarys_functions_take_it(host: Any, node: Any) -> None:
    one = node("a", found={"x": 1})
    assert dataclasses.replace(one, name="b") == node("b")
    assert dataclasses.asdict(one) == {"name": "a", "groups": (), "found": {"x": 1}, "role": "worker"}
    assert copy.deepcopy(one) == one
    assert one.found is not node("a").found
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'name'"):
        host()


@records.dataclass(frozen=True)
class Kept:
    """At the top of a file, for pickle."""

    name: str


def test_it_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(Kept("a"))) == Kept("a")


@pytest.mark.parametrize("decorator", [records.dataclass, dataclasses.dataclass])
def test_one_that_is_not_frozen_can_be_changed_and_has_no_hash(decorator: Any) -> None:
    @decorator
    class Count:
        """A number."""

        number: int = 0

        def __repr__(self) -> str:
            return "own"

    one = Count()
    one.number = 2
    assert one == Count(2)
    assert repr(one) == "own"
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


@pytest.mark.parametrize("decorator", [records.dataclass, dataclasses.dataclass])
def test_methods_of_the_class_itself_are_kept(decorator: Any) -> None:
    @decorator(frozen=True)
    class Word:
        """Equal in any case of its letters."""

        text: str

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Word) and self.text.lower() == other.text.lower()

        def __hash__(self) -> int:
            return hash(self.text.lower())

    assert len({Word("a"), Word("A")}) == 1


def test_a_host_loads_it_without_the_standard_librarys(tmp_path: Path) -> None:
    (tmp_path / "records.py").write_text(Path(records.__file__).read_text())
    text = """
import sys
from records import dataclass, field, fields, replace, asdict
@dataclass
class Host:
    name: str
    found: "list[object]" = field(default_factory=list)
    port: int = field(default=22, compare=False, repr=False)
@dataclass
class Node(Host):
    role: str = "worker"
one = Node("a", [Host("b")])
one.role = "x"
assert asdict(replace(one, port=1)) == {
    "name": "a", "found": [{"name": "b", "found": [], "port": 22}], "port": 1, "role": "x"}
assert [part.name for part in fields(Node)] == ["name", "found", "port", "role"]
assert Host("a") == Host("a", port=5) != Host("b")
assert not {"dataclasses", "inspect", "ast"} & set(sys.modules), sorted(sys.modules)
"""
    subprocess.run([sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{text}"],
                   check=True, timeout=60)  # fmt: skip


def test_fields_may_be_declared_in_both_ways_and_classes_inherit_both_ways() -> None:
    @records.dataclass(frozen=True)
    class Ours:
        """With fields of the standard library."""

        seen: list[int] = dataclasses.field(default_factory=list)
        depth: int = dataclasses.field(default=3, compare=False)

    @dataclasses.dataclass(frozen=True)
    class Theirs(Ours):
        """An heir made by the standard library."""

        more: int = 0

    assert Ours() == Ours(depth=5)
    assert Ours().seen is not Ours().seen
    assert dataclasses.replace(Theirs([1]), more=2) == Theirs([1], 3, 2)
    assert [one.name for one in dataclasses.fields(Theirs)] == ["seen", "depth", "more"]


def test_what_a_class_looks_at_after_its_fields_are_set_is_looked_at() -> None:
    @records.dataclass(frozen=True)
    class Odd:
        """Refuses even numbers."""

        number: int = 1

        def __post_init__(self) -> None:
            if self.number % 2 == 0:
                raise ValueError(self.number)

    assert Odd().number == 1
    with pytest.raises(ValueError, match="2"):
        Odd(2)


def test_the_standard_library_is_told_each_field_s_type_as_it_is_written() -> None:
    @records.dataclass(frozen=True)
    class Base:
        name: str

    @records.dataclass(frozen=True)
    class Made(Base):
        count: int | None = None
        kept: tuple[str, ...] = records.field(default=())

    assert [(one.name, one.type) for one in dataclasses.fields(Made)] == [
        ("name", "str"), ("count", "int | None"), ("kept", "tuple[str, ...]"),
    ]  # fmt: skip
