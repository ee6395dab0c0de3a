"""Texts with braces inside a condition: `"'{{ name }}' in names"` means the value, as older playbooks write it.

Only what the playbook itself spells out is read so; a value that an expression gives is never looked into.
"""

from __future__ import annotations

from typing import Any

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.visitor import NodeTransformer


def with_embedded(environment: Any, tree: nodes.Template) -> nodes.Template:
    """The tree with such texts replaced by what they stand for."""
    changed: nodes.Template = _Embedded(environment).visit(tree)
    changed.set_environment(environment)
    return changed


class _Embedded(NodeTransformer):
    def __init__(self, environment: Any) -> None:
        self._environment = environment

    def visit_Const(self, node: nodes.Const) -> nodes.Expr:  # noqa: N802 - the name that the visitor looks for
        """A text of the condition."""
        if not isinstance(node.value, str) or "{{" not in node.value:
            return node
        try:
            body = self._environment.parse(node.value).body
        except TemplateSyntaxError:
            return node
        outputs = [part for part in body if isinstance(part, nodes.Output)]
        if len(outputs) != len(body):
            return node
        parts = [_expression(part) for output in outputs for part in output.nodes]
        return parts[0] if len(parts) == 1 else nodes.Concat(parts, lineno=node.lineno)


def _expression(part: Any) -> nodes.Expr:
    return nodes.Const(part.data, lineno=part.lineno) if isinstance(part, nodes.TemplateData) else part
