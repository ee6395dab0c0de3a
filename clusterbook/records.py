"""`dataclass` and its helpers as in the standard library, made thirty times faster, for what every run loads.

The standard one loads `inspect` with half a compiler behind it, and writes and compiles the source of up to six methods
for each class: with the hundred classes of a run, 70 ms here and 20 ms on each host. Here `__init__` is written when
the first object is made, most classes of a run being never used; to compare, to hash, to show and to refuse changes
are the same functions for all classes. The standard library's `fields`, `replace` and `asdict` work on them as well.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

__all__ = ["asdict", "dataclass", "field", "fields", "replace"]

if TYPE_CHECKING:
    from dataclasses import asdict, dataclass, field, fields, replace
else:

    class Field:
        """One field; the standard library's has the same attributes."""

        def __init__(self, default, default_factory, compare, repr):
            self.name, self.type = "", "Any"
            self.default, self.default_factory = default, default_factory
            self.compare, self.repr = compare, repr

    def field(*, default=..., default_factory=..., compare=True, repr=True):
        """What is to be said of a field. `...` is no default."""
        return Field(default, default_factory, compare, repr)

    def dataclass(cls=None, /, *, frozen=False):
        """Make a class of its fields. frozen: they cannot be set again, and the object can be hashed."""
        if cls is None:
            return partial(dataclass, frozen=frozen)
        cls._fields = _fields_of(cls)
        cls._compared = tuple(one.name for one in cls._fields if one.compare)
        cls.__match_args__ = tuple(one.name for one in cls._fields)
        cls.__dataclass_fields__ = _STANDARD
        cls.__dataclass_params__ = _Parameters(frozen)
        methods = {"__repr__": _shown, "__eq__": _equal, "__hash__": _hashed if frozen else None}
        if frozen:
            methods.update(__setattr__=_not_set, __delattr__=_never_deleted)
        own = dict(cls.__dict__)
        for name, method in methods.items():
            if name not in own or (name == "__hash__" and "__eq__" not in own):
                setattr(cls, name, method)
        cls.__init__ = _first(cls)
        return cls

    def fields(record):
        """The fields of a class or an object of it."""
        return record._fields

    def replace(record, /, **changes):
        """The object with other values of some fields."""
        return type(record)(**{**{one.name: getattr(record, one.name) for one in record._fields}, **changes})

    def asdict(record):
        """The object, and those within it, as plain data."""
        if hasattr(record, "_compared"):
            return {one.name: asdict(getattr(record, one.name)) for one in record._fields}
        if isinstance(record, dict):
            return type(record)((asdict(key), asdict(value)) for key, value in record.items())
        return type(record)(map(asdict, record)) if isinstance(record, (list, tuple)) else record


def _fields_of(cls: Any) -> tuple[Any, ...]:
    """In order, those of bases first. What a field is said to be goes from the class, its default stays."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__[1:]):
        known = base.__dict__.get("_fields") or base.__dict__.get("__dataclass_fields__", {}).values()
        found.update((one.name, one) for one in known)
    for name, kind in cls.__dict__.get("__annotations__", {}).items():  # noqa: RUF063 - that is what must not be loaded
        said = cls.__dict__.get(name, ...)
        if type(said).__name__ != "Field":  # ours, or the standard library's
            said = field(default=said)
        elif _given(said.default):
            setattr(cls, name, said.default)
        else:
            delattr(cls, name)
        said.name, said.type = name, kind
        found[name] = said
    return tuple(found.values())


def _given(default: Any) -> bool:
    """Whether it is one: the standard library has a word of its own for none."""
    return default is not ... and default is not getattr(sys.modules.get("dataclasses"), "MISSING", ...)


def _first(cls: Any) -> Any:
    """The `__init__` until the first object is made."""

    def __init__(self: Any, *arguments: Any, **options: Any) -> None:  # noqa: N807
        if cls.__init__ is __init__:
            cls.__init__ = _written(cls)
        cls.__init__(self, *arguments, **options)

    return __init__


def _written(cls: Any) -> Any:
    """An `__init__` of which Python says what is missing or too much."""
    known: dict[str, Any] = {"_set": object.__setattr__, "_none": object()}
    parameters, lines = ["self"], []
    for one in cls._fields:
        name = value = one.name
        if _given(one.default_factory):
            known[f"_make_{name}"] = one.default_factory
            parameters.append(f"{name}=_none")
            value = f"_make_{name}() if {name} is _none else {name}"
        elif _given(one.default):
            known[f"_default_{name}"] = one.default
            parameters.append(f"{name}=_default_{name}")
        else:
            parameters.append(name)
        lines.append(f" _set(self, {name!r}, {value})")
    if hasattr(cls, "__post_init__"):
        lines.append(" self.__post_init__()")
    exec(f"def __init__({', '.join(parameters)}):\n" + "\n".join(lines or [" pass"]), known)  # noqa: S102 - our fields
    known["__init__"].__qualname__ = f"{cls.__qualname__}.__init__"
    return known["__init__"]


class _Parameters:
    """What the standard library asks a base for."""

    def __init__(self, frozen: bool) -> None:
        self.frozen = frozen


class _Standard:
    """The fields as the standard library knows them, made when it asks."""

    def __get__(self, record: object, cls: Any) -> Any:
        import dataclasses

        given = {one.name: _standard(one, dataclasses.field) for one in cls._fields}
        names = {"__doc__": cls.__name__, "__annotations__": {one.name: one.type for one in cls._fields}, **given}
        made: Any = dataclasses.dataclass(init=False, repr=False, eq=False)(type(cls.__name__, (), names))
        cls.__dataclass_fields__ = made.__dataclass_fields__
        return cls.__dataclass_fields__

    def values(self) -> tuple[Any, ...]:
        """Of a base: `_fields` has them."""
        return ()


_STANDARD = _Standard()


def _standard(one: Any, make: Any) -> Any:
    names = [name for name in ("default", "default_factory") if _given(getattr(one, name))]
    return make(**{name: getattr(one, name) for name in names}, compare=one.compare, repr=one.repr)


def _values(self: Any) -> tuple[Any, ...]:
    return tuple([getattr(self, name) for name in self._compared])


def _equal(self: Any, other: object) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    return _values(self) == _values(other)


def _hashed(self: Any) -> int:
    return hash(_values(self))


def _shown(self: Any) -> str:
    shown = (f"{one.name}={getattr(self, one.name)!r}" for one in self._fields if one.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _not_set(self: Any, name: str, value: Any) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _never_deleted(self: Any, name: str) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot delete field {name!r}")
