"""The first line of a template that says how the rest is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterbook.language.environment import ExpressionError
from clusterbook.language.template_header import without_header
from clusterbook.language.values import Template
from clusterbook.validate.expressions import Reader
from tests.unit.execute.playing import HEAD, run_files


def test_a_template_says_by_its_first_line_how_it_is_read(tmp_path: Path) -> None:
    told = run_files(tmp_path, {
        "site.yml": HEAD + f"""\
    - ansible.builtin.template: {{src: t.j2, dest: {tmp_path}/made, trim_blocks: false, lstrip_blocks: true}}
    - ansible.builtin.debug: {{msg: "{{{{ lookup('template', 't.j2') }}}}"}}
""",
        "templates/t.j2": "#jinja2: variable_start_string: '[%', variable_end_string: '%]', trim_blocks: True\n"
        "{% if true %}\nuser {{ kept }}\n{% endif %}\n[% inventory_hostname %]\n",
    })  # fmt: skip
    assert told.failures() == []
    assert (tmp_path / "made").read_text() == "user {{ kept }}\na\n" == told.messages()[0]


@pytest.mark.parametrize(("line", "said"), [
    ("#jinja2: trim_block: True", "expected NAME: VALUE with one of the names block_start_string"),
    ("#jinja2: trim_blocks", "expected NAME: VALUE"),
    ("#jinja2: trim_blocks: yes", "expected True, False or text in quotes"),
])  # fmt: skip
def test_a_mistake_in_that_line_is_told_before_any_host_is_touched(line: str, said: str) -> None:
    (problem,) = Reader().of_file(Template(f"{line}\nx\n", "t.j2", 1, 1), {})
    assert said in problem.message
    assert problem.where is not None and (problem.where.file, problem.where.line) == ("t.j2", 1)
    with pytest.raises(ExpressionError, match="nothing follows"):
        without_header(line)


def test_a_mistake_below_that_line_is_told_with_its_own_line(tmp_path: Path) -> None:
    text, path = "#jinja2: trim_blocks: False\n\n{{ 1 + }}\n", tmp_path / "t.j2"
    path.write_text(text)
    (problem,) = Reader().of_file(Template(text, str(path), 1, 1), {})
    assert problem.where is not None and problem.where.line == 3
