"""The Jinja2 environment: sandboxed, strict about undefined names, native types for single expressions."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Mapping, Optional, Sequence

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.loaders import FunctionLoader
from jinja2.nativetypes import NativeCodeGenerator
from jinja2.runtime import Context, StrictUndefined, Undefined
from jinja2.sandbox import SandboxedEnvironment
from jinja2.utils import missing

from clusterbook.language import bounds
from clusterbook.language.embedded import with_embedded
from clusterbook.language.filters import COMMUNITY_FILTERS, FILTERS
from clusterbook.language.functions import FUNCTIONS
from clusterbook.language.local_words import Local, local_filters, local_tests, nobody
from clusterbook.language.tests import TESTS
from clusterbook.language.texts import LISTED, as_text
from clusterbook.language.wrapped import GENERATORS, listing, narrow, reverse, strict

Resolve = Callable[[str], Any]


class ExpressionError(Exception):
    """An expression could not be evaluated. template: the Template it stands in, when known."""

    def __init__(self, message: str, template: Any = None) -> None:
        """message: one line; template: language.values.Template or None."""
        super().__init__(message)
        self.message = message
        self.template = template


class UndefinedName(ExpressionError):
    """A name in an expression has no value."""


class RefusedName(ExpressionError):
    """The local machine refused to give what an expression asks for."""


# The scope among the names that a template hands on; no variable can be called so.
_SCOPE = " scope"


class ScopeContext(Context):
    """A Jinja context whose names come from a scope, one by one, when they are used."""

    def __init__(self, environment: Any, parent: dict[str, Any], *more: Any, **options: Any) -> None:
        """parent: names around this template; an included one has those of the scope, too."""
        super().__init__(environment, parent, *more, **options)
        self.resolve_name: Optional[Resolve] = parent.get(_SCOPE)

    def get_all(self) -> dict[str, Any]:
        """What templates see that this one includes, or imports with its context."""
        return {**super().get_all(), _SCOPE: self.resolve_name}

    def resolve_or_missing(self, key: str) -> Any:
        """Names set inside the template first, then the scope, then the environment's globals."""
        if key in self.vars:
            return self.vars[key]
        if self.resolve_name is not None:
            value = self.resolve_name(key)
            if value is not missing:
                return value
        return self.parent.get(key, missing)


class KeepTypes(NativeCodeGenerator):
    """Jinja2 turns constant expressions into text while compiling; here they keep their type."""

    def _output_child_to_const(self, node: Any, frame: Any, finalize: Any) -> Any:
        if not isinstance(node, nodes.TemplateData):
            raise nodes.Impossible()
        return super()._output_child_to_const(node, frame, finalize)


class UndefinedPath(StrictUndefined):
    """A name without a value; so has every part of it, as in Ansible: `a.b.c | default(1)` is 1 when there is no a.

    Using it is an error that names the first part that is missing.
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, key: Any) -> Any:
        return self


def undefined_by(error: UndefinedName) -> UndefinedPath:
    """A variable whose value names what is undefined is undefined itself, as in Ansible; its use is that error."""
    return UndefinedPath(hint=error.message, exc=lambda message: error)  # type: ignore[arg-type]


class LanguageEnvironment(SandboxedEnvironment):
    """Settings as Ansible's: StrictUndefined, `do` and `loopcontrols`, first newline after a block removed in files."""

    context_class = ScopeContext
    code_generator_class = KeepTypes
    concat = staticmethod(lambda parts: "".join(as_text(part) for part in parts))  # of macros and blocks that are set
    intercepted_binops = bounds.OPERATORS

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """An operator that can make much of little."""
        bounds.check_operator(operator, left, right)
        return super().call_binop(context, operator, left, right)

    def wrap_str_format(self, value: Any) -> Any:
        """`format` of a text, with the widths in it looked at."""
        wrapped = super().wrap_str_format(value)
        if wrapped is not None:
            bounds.check_format(str(value.__self__))
        return wrapped

    def call(__self, __context: Context, __obj: Any, *arguments: Any, **options: Any) -> Any:  # noqa: N805
        """A call inside an expression, with names of the first three that no option has."""
        bounds.check_call(__obj, arguments, options)
        return super().call(__context, __obj, *arguments, **options)


CORE = "ansible.builtin."


def _finalize(value: Any) -> Any:
    return value


def with_full_names(words: Mapping[str, Any], community: Mapping[str, Any]) -> dict[str, Any]:
    """The words of the core by both of their names; those of collections too, unless the short one is taken."""
    short = {name.rpartition(".")[2]: word for name, word in community.items()}
    full = {CORE + name: word for name, word in words.items()}
    return {**short, **words, **full, **community}


def new_environment(local: Local = nobody, **settings: Any) -> LanguageEnvironment:
    """settings: trim_blocks, lstrip_blocks, *_string, newline_sequence as the template module's parameters."""
    settings.setdefault("trim_blocks", True)
    environment = LanguageEnvironment(
        undefined=UndefinedPath,
        extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"],
        autoescape=False,
        finalize=_finalize,
        cache_size=0,
        **settings,
    )
    asked = local_filters(local)
    ours = {**FILTERS, **{name: word for name, word in asked.items() if "." not in name}}
    filters = {**environment.filters, **{name: listing(environment.filters[name]) for name in GENERATORS}}
    filters.update({name: narrow(filters[name]) for name in ("center", "indent", "format")})
    filters.update({name: strict(name, function) for name, function in ours.items()}, reverse=reverse)
    others = {**COMMUNITY_FILTERS, **{name: word for name, word in asked.items() if "." in name}}
    strict_others = {name: strict(name, word) for name, word in others.items()}
    environment.filters.update(with_full_names(filters, strict_others))
    environment.tests.update(with_full_names({**environment.tests, **TESTS, **local_tests(local)}, {}))
    return environment


class Expressions:
    """Compiled expressions and text templates, cached by text; renders them with names from a scope."""

    def __init__(
        self, names: Mapping[str, Any], settings: Optional[Mapping[str, Any]] = None, local: Local = nobody,
        load: Optional[Callable[[str], Optional[str]]] = None,
    ) -> None:
        """names: globals such as lookup, query, now; settings: of the environment; local: asks the local machine.

        load(name): the text of a template that another one includes, imports or extends.
        """
        self._environment = new_environment(local, **dict(settings or {}))
        self._environment.loader = FunctionLoader(load or _no_template)
        self._environment.globals.update({**FUNCTIONS, **names})
        self._compiled: dict[str, Any] = {}

    def native(self, text: str, resolve: Resolve) -> Any:
        """Evaluate text: a single expression (and a line's end) keeps its type; anything else is joined to a string."""
        value = _join(list(self._nodes(keep_backslashes(self._environment, text), resolve)))
        return self._with_line_ends(value, text) if isinstance(value, str) else value

    def text(self, text: str, resolve: Resolve) -> str:
        """Render a whole file; the result is always a string."""
        return self._with_line_ends("".join(as_text(node) for node in self._nodes(text, resolve)), text)

    def _with_line_ends(self, value: str, text: str) -> str:
        """At least as many line ends as the template has: Jinja2 drops the last. Ansible's rule, values' own count."""
        missing_ends = _line_ends(text) - _line_ends(value)
        return value + self._environment.newline_sequence * missing_ends if missing_ends > 0 else value

    def condition(self, text: str, resolve: Resolve) -> Any:
        """Evaluate an expression without braces (`when`, `until`, `assert.that`), with Python's backslashes."""
        whole = "{{ " + text + " }}"
        if "{{" in text and whole not in self._compiled:
            self._compiled[whole] = self._compile_tree(with_embedded(self._environment, self._tree(whole)))
        return _join(list(self._nodes(whole, resolve)))

    def parse(self, text: str) -> nodes.Template:
        """The text as a tree. Raises ExpressionError."""
        return self._tree(keep_backslashes(self._environment, text))

    def _tree(self, text: str) -> nodes.Template:
        try:
            return self._environment.parse(text)
        except TemplateSyntaxError as error:
            raise ExpressionError(f"syntax error in template: {error.message}") from error

    def _compile_tree(self, tree: nodes.Template) -> Any:
        code = self._environment.compile(tree)
        return self._environment.template_class.from_code(self._environment, code, self._environment.globals)

    def values(self, parts: Sequence[nodes.Expr], resolve: Resolve) -> list[Any]:
        """The values of expressions out of a tree."""
        found = []
        for part in parts:
            tree = nodes.Template([nodes.Output([part], lineno=1)], lineno=1)
            tree.set_environment(self._environment)
            template = self._compile_tree(tree)
            found.append(_join(list(self._rendered(template, resolve))))
        return found

    def _nodes(self, text: str, resolve: Resolve) -> Iterable[Any]:
        template = self._compiled.get(text)
        if template is None:
            template = self._compile(text)
            self._compiled[text] = template
        return self._rendered(template, resolve)

    def _rendered(self, template: Any, resolve: Resolve) -> Iterable[Any]:
        context = template.new_context({}, shared=True)
        context.parent = self._environment.globals
        context.resolve_name = resolve
        return template.root_render_func(context)  # type: ignore[no-any-return]

    def _compile(self, text: str) -> Any:
        try:
            return self._environment.from_string(text)
        except TemplateSyntaxError as error:
            raise ExpressionError(f"syntax error in template: {error.message}") from error


def _no_template(name: str) -> Optional[str]:
    return None


def keep_backslashes(environment: LanguageEnvironment, text: str) -> str:
    """In YAML a backslash in a quoted string of an expression means itself, as in Ansible."""
    if "\\" not in text:
        return text
    try:
        tokens = list(environment.lex(text))
    except TemplateSyntaxError:
        return text  # reported when it is compiled
    return "".join(part.replace("\\", "\\\\") if kind == "string" else part for _, kind, part in tokens)


def _line_ends(text: str) -> int:
    return len(text) - len(text.rstrip("\n"))


def _defined(value: Any) -> Any:
    """The value, plain; an undefined part of it is an error."""
    if isinstance(value, Undefined):
        value._fail_with_undefined_error()
    if isinstance(value, str):
        return str(value)
    if type(value) is list:
        return [_defined(item) for item in value]
    if type(value) is dict:
        return {key: _defined(item) for key, item in value.items()}
    if isinstance(value, LISTED):
        return [_defined(item) for item in value]
    if isinstance(value, range) or hasattr(value, "__next__"):
        raise ExpressionError(f"the expression gives a {type(value).__name__}, which cannot be kept; add '| list'")
    return value


def _join(nodes: list[Any]) -> Any:
    """One value keeps its type; several are text. Nothing beside something counts for nothing."""
    nodes = [node for node in nodes if node is not None]
    if not nodes:
        return None
    if len(nodes) == 1:
        return _defined(nodes[0])
    return "".join(as_text(node) for node in nodes)
