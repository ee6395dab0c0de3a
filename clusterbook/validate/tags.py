"""Tags that a command line asks for and that nothing has: a run would do nothing and call it well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clusterbook.compile.context import tag_list
from clusterbook.compile.plan import Selection
from clusterbook.errors import InvalidInput, Position
from clusterbook.language.values import Template
from clusterbook.model import Project, Task
from clusterbook.schema.names import suggestion
from clusterbook.validate.project import every_node

SPECIAL = ("all", "always", "never", "tagged", "untagged")
INCLUDES = ("include_tasks", "include_role")


def problems(project: Project, selection: Selection) -> Iterator[InvalidInput]:
    """One for each tag of --tags and --skip-tags that there is not; none where hosts decide on tags or files."""
    asked = {"--tags": selection.tags, "--skip-tags": selection.skip_tags}
    if not any(asked.values()) or _decided_by_hosts(project):
        return
    known = {tag for keywords in _keywords(project) for tag in tag_list(keywords.get("tags"))}
    for option, tags in asked.items():
        for tag in (tag for tag in tags if tag not in known and tag not in SPECIAL):
            yield InvalidInput(
                f"nothing has the tag {tag!r}{suggestion(tag, known)}", where=Position(option),
                next_step=f"Tags are: {', '.join(sorted(known - set(SPECIAL))) or 'none'}.",
            )  # fmt: skip


def _keywords(project: Project) -> Iterator[Mapping[str, Any]]:
    """Everything that may have tags."""
    for play in project.plays:
        yield play.keywords
        yield from (use.keywords for use in play.roles)
    for role in project.roles.values():
        yield from (use.keywords for use in role.dependencies)
    for node in every_node(project):
        yield node.keywords
        if isinstance(node, Task) and isinstance(node.arguments, Mapping):
            apply = node.arguments.get("apply")
            yield apply if isinstance(apply, Mapping) else {}


def _decided_by_hosts(project: Project) -> bool:
    """Whether a tag, or what an include names, is an expression."""
    if any("{{" in tag for keywords in _keywords(project) for tag in tag_list(keywords.get("tags"))):
        return True
    includes = [one for one in every_node(project) if isinstance(one, Task) and one.module.endswith(INCLUDES)]
    return any(isinstance(word, Template) for one in includes for word in _words(one.arguments))


def _words(arguments: Any) -> list[Any]:
    return list(arguments.values()) if isinstance(arguments, Mapping) else [arguments]
