"""What a task inherits from the blocks, roles and the play around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, replace
from typing import Any

from clusterbook.errors import Position
from clusterbook.language.values import Template
from clusterbook.modules import registry
from clusterbook.records import dataclass
from clusterbook.source import SourceMapping, SourceSequence

INHERITED = (
    "become", "become_user", "become_method", "no_log", "ignore_errors", "ignore_unreachable", "check_mode", "diff",
    "delegate_to", "delegate_facts", "run_once", "timeout", "throttle", "any_errors_fatal", "connection", "port",
    "remote_user",
)

# How a host is reached, and the variable that has the same meaning.
CONNECTION_KEYWORDS = {
    "connection": "ansible_connection", "remote_user": "ansible_user", "port": "ansible_port",
}


@dataclass(frozen=True)
class Context:
    """Inherited keywords. keywords: the nearest setting of each INHERITED one."""

    keywords: Mapping[str, Any] = field(default_factory=dict)
    when: tuple[Any, ...] = ()
    tags: tuple[str, ...] = ()
    layers: tuple[Mapping[str, Any], ...] = ()
    parameters: tuple[Mapping[str, Any], ...] = ()
    environment: tuple[Any, ...] = ()
    defaults: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    notify: tuple[Any, ...] = ()
    role: int | None = None
    directory: str = ""
    # Files and roles that are being compiled around this, outermost first: a file that includes itself is met again.
    chain: tuple[str, ...] = ()
    # Evaluates a tag that is an expression by what is known before the run; such a tag has no other way to be one.
    known: Callable[[Any], Any] = field(default=lambda value: value, compare=False)
    # Inside an include: roles met here are known to the play only once it runs.
    included: bool = False

    def inside(self, keywords: Mapping[str, Any]) -> Context:
        """The context inside something that has these keywords."""
        nearest = {name: keywords[name] for name in INHERITED if name in keywords}
        layer = keywords.get("vars")
        return replace(
            self,
            keywords={**self.keywords, **nearest} if nearest else self.keywords,
            when=(*self.when, *conditions(keywords, "when")),
            tags=(*self.tags, *tag_list(self.known(keywords.get("tags")))),
            layers=(*self.layers, layer) if layer else self.layers,
            environment=(*self.environment, *as_list(keywords.get("environment"))),
            notify=(*self.notify, *as_list(keywords.get("notify"))),
            defaults=_with_defaults(self.defaults, keywords.get("module_defaults")),
        )


def as_list(value: Any) -> tuple[Any, ...]:
    """A keyword that takes one value or a list, None for none."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def conditions(keywords: Mapping[str, Any], name: str) -> tuple[Any, ...]:
    """A keyword that takes conditions. Those that are text know where they were written, as expressions do."""
    value = keywords.get(name)
    if isinstance(value, SourceSequence):
        return tuple(_placed(item, place) for item, place in zip(value, value.items_at, strict=True))
    if isinstance(value, str) and isinstance(keywords, SourceMapping):
        return (_placed(value, keywords.values_at[name]),)
    return as_list(value)


def _placed(condition: Any, place: Position) -> Any:
    return Template(condition, place.file, place.line, place.column) if isinstance(condition, str) else condition


def tag_list(value: Any) -> tuple[str, ...]:
    """Tags are a list or text with commas."""
    found: list[str] = []
    for part in as_list(value):
        text = part.text if isinstance(part, Template) else str(part)
        found.extend(word.strip() for word in text.split(",") if word.strip())
    return tuple(found)


def _with_defaults(known: Mapping[str, tuple[Any, ...]], more: Any) -> Mapping[str, tuple[Any, ...]]:
    if not more:
        return known
    found = [(str(module), arguments) for part in as_list(more) for module, arguments in part.items()]
    return {**known, **{registry.canonical(module) or module: (arguments,) for module, arguments in found}}
