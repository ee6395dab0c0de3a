"""Names to values for one step: layers, lowest precedence first, evaluated when used, once."""

from __future__ import annotations

from typing import Any, Callable, Iterator, Mapping, Sequence

from jinja2.exceptions import TemplateError, UndefinedError
from jinja2.runtime import Undefined
from jinja2.utils import missing

from clusterbook.language.environment import ExpressionError, Expressions, RefusedName, UndefinedName, undefined_by
from clusterbook.language.runtime import Refused, Stopped
from clusterbook.language.values import OMIT, Secret, Template, UnknownValue, origin, without_omitted

# What Ansible's filter bool takes for true or false, and -e NAME=VALUE gives as text.
_WORDS = ("true", "false", "yes", "no", "on", "off", "1", "0")


class Unknown(Exception):
    """The value depends on a step that has only been predicted (check mode)."""


class Scope:
    """The variables that one step sees. Values are evaluated on first use and kept."""

    def __init__(
        self,
        layers: Sequence[Mapping[str, Any]],
        expressions: Expressions,
        secret: Callable[[str], str],
    ) -> None:
        """layers: lowest precedence first; secret: name -> value, asked when a step uses it."""
        self._layers = [layer for layer in layers if layer]
        self._expressions = expressions
        self._secret = secret
        self._values: dict[str, Any] = {}
        self._pending: list[str] = []
        self._omits = False  # whether a value may hold what is omitted
        self.used_secrets: set[str] = set()

    def raw(self, name: str) -> Any:
        """The unevaluated value of the highest layer that has the name, else jinja2's `missing`."""
        for layer in reversed(self._layers):
            if name in layer:
                return layer[name]
        return missing

    def resolve(self, name: str) -> Any:
        """The evaluated value of a name, `missing` when nobody sets it; undefined when it names what is undefined."""
        if name in self._values:
            return self._values[name]
        raw = self.raw(name)
        if raw is missing:
            return ByName(self) if name == "vars" else missing
        self._omits = self._omits or raw is OMIT
        if name in self._pending:
            chain = " -> ".join([*self._pending, name])
            raise ExpressionError(f"variable refers to itself: {chain}", origin(raw))
        self._pending.append(name)
        try:
            value = self._evaluated(raw)
        except UndefinedName as error:
            value = undefined_by(error)
        finally:
            self._pending.pop()
        self._values[name] = value
        return value

    def value(self, name: str) -> Any:
        """The same for who uses the value at once. Raises UndefinedName when it names what is undefined."""
        found = self.resolve(name)
        if isinstance(found, Undefined):
            found._fail_with_undefined_error()
        return found

    def names(self) -> list[str]:
        """Every name that has a value here."""
        return sorted({name for layer in self._layers for name in layer})

    def evaluate(self, value: Any) -> Any:
        """Value with templates and secrets -> plain value, OMIT or one without what is omitted inside it.

        Raises ExpressionError, UndefinedName, Unknown.
        """
        found = self._evaluated(value)
        return without_omitted(found) if self._omits else found

    def _evaluated(self, value: Any) -> Any:
        if isinstance(value, Template):
            return self._template(value)
        if isinstance(value, dict):
            return {self._evaluated(key): self._evaluated(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._evaluated(item) for item in value]
        if isinstance(value, Secret):
            self.used_secrets.add(value.name)
            return self._secret(value.name)
        if isinstance(value, UnknownValue):
            raise Unknown(value.reason)
        return value

    def condition(self, value: Any) -> bool:
        """`when` and its kin: a bool, an expression without braces, or a template; the result must be a bool."""
        result = value
        if isinstance(value, (str, Template)):
            template = value if isinstance(value, Template) else Template(value)
            text = template.text.strip()
            result = guarded(template, lambda: self._expressions.condition(_bare(text), self.resolve))
        if not isinstance(result, bool):
            given = isinstance(result, str) and isinstance(value, Template) and "{{" in value.text
            shown = value.text if isinstance(value, Template) else value
            raise ExpressionError(
                f"condition {shown!r} is {result!r}, a {type(result).__name__}; it must be true or false"
                + (" (text that came out of an expression is an untrusted template or expression)" if given else "")
                + ("; add '| bool'" if str(result).lower() in _WORDS else ""),
                value if isinstance(value, Template) else None,
            )
        return result

    def _template(self, template: Template) -> Any:
        value = guarded(template, lambda: self._expressions.native(template.text, self.resolve))
        if isinstance(value, UnknownValue):
            raise Unknown(value.reason)
        return value


class ByName(Mapping[str, Any]):
    """The value of the name `vars`: every variable by its name, evaluated when it is read."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def __getitem__(self, name: str) -> Any:
        value = self._scope.resolve(name)
        if value is missing:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._scope.names())

    def __len__(self) -> int:
        return len(self._scope.names())


def guarded(template: Template, evaluate: Callable[[], Any]) -> Any:
    """Run an evaluation; whatever it raises becomes an ExpressionError that knows the template."""
    try:
        return evaluate()
    except UndefinedError as error:
        raise UndefinedName(str(error.message or error), template) from error
    except ExpressionError as error:
        if error.template is None:
            error.template = template
        raise
    except (Unknown, Stopped):
        raise
    except Refused as refusal:
        raise RefusedName(str(refusal), template) from refusal
    except TemplateError as error:
        raise ExpressionError(str(error), template) from error
    except RecursionError as error:
        raise ExpressionError("the expression recurses without end", template) from error
    except Exception as error:
        raise ExpressionError(f"{type(error).__name__}: {error}", template) from error


def _bare(text: str) -> str:
    if text.startswith("{{") and text.endswith("}}") and "{{" not in text[2:]:
        return text[2:-2].strip()
    return text
