"""Includes whose names only the run gives, and what comes with them."""

from __future__ import annotations

from pathlib import Path

from clusterbook.execute.services import Services
from clusterbook.language.values import Secret
from tests.unit.execute.playing import HEAD, run_files

ROLE = {
    "roles/r/tasks/main.yml": "- debug: msg='main {{ d }} {{ v }}'\n",
    "roles/r/tasks/other.yml": "- debug: msg='other {{ d }} {{ v }}'\n",
    "roles/r/defaults/main.yml": "d: 1\n",
    "roles/r/defaults/alt.yml": "d: 2\n",
    "roles/r/vars/main.yml": "v: 1\n",
    "roles/r/vars/alt.yml": "v: 2\n",
}


def site(*lines: str, hosts: str = "all") -> str:
    tasks = "\n".join(f"    {line}" for text in lines for line in text.splitlines())
    return f"- hosts: {hosts}\n  gather_facts: false\n  tasks:\n{tasks}\n"


def test_a_host_names_the_file_of_tasks_that_it_includes(tmp_path: Path) -> None:
    told = run_files(tmp_path, {
        "site.yml": site("- include_tasks: '{{ inventory_hostname }}.yml'"),
        "a.yml": "- debug: msg=first\n",
        "b.yml": "- debug: msg=second\n",
    }, "ab")
    assert (told.messages("a"), told.messages("b")) == (["first"], ["second"])
    assert told.count("ok") == 2


def test_included_tasks_see_the_loop_variables_of_their_include(tmp_path: Path) -> None:
    told = run_files(tmp_path, {
        "site.yml": site(
            "- include_tasks: '{{ x }}.yml'\n  loop: [one, two]\n  loop_control: {loop_var: x}\n  when: x != 'none'"
        ),
        "one.yml": "- debug: msg='1 {{ x }}'\n",
        "two.yml": "- debug: msg='2 {{ x }}'\n",
    })
    assert told.messages() == ["1 one", "2 two"]


def test_an_include_that_a_host_names_within_a_looped_one_knows_the_item_and_may_set_another(tmp_path: Path) -> None:
    told = run_files(tmp_path, {
        "site.yml": site("- include_tasks: '{{ \"outer\" }}.yml'\n  loop: [1, 2]\n  vars: {v: 'v{{ item }}'}"),
        "outer.yml": (
            "- include_tasks: '{{ \"inner\" }}.yml'\n"
            "- include_tasks: inner.yml\n  vars: {item: own}\n"
            "- include_tasks: inner.yml\n  loop: [i]\n"
        ),
        "inner.yml": "- debug: msg='{{ item }} {{ v }}'\n",
    })
    assert told.messages() == ["1 v1", "own vown", "i vi", "2 v2", "own vown", "i vi"]


def test_the_name_of_a_file_is_asked_for_once(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    told = run_files(tmp_path, {
        "site.yml": site(f"- include_tasks: \"{{{{ lookup('pipe', 'echo asked >> {asked}; echo one.yml') }}}}\""),
        "one.yml": "- debug: msg=one\n",
    })
    assert (told.messages(), asked.read_text()) == (["one"], "asked\n")


def test_what_an_include_in_a_loop_registers_has_a_result_for_each_item(tmp_path: Path) -> None:
    told = run_files(tmp_path, {
        "site.yml": site(
            "- include_tasks: '{{ x }}.yml'\n  loop: [one, two]\n  loop_control: {loop_var: x}\n  when: x != 'two'\n"
            "  register: r",
            "- debug: msg=\"{{ r.results | map(attribute='x') | list }} {{ r.results[0].include }} {{ r.results[1] is "
            "skipped }} {{ r is skipped }}\"",
        ),
        "one.yml": "- debug: msg=in\n",
    })
    assert told.messages() == ["in", "['one', 'two'] one.yml True False"]


def test_what_an_include_applies_may_name_what_only_its_tasks_know(tmp_path: Path) -> None:
    told = run_files(tmp_path, {
        "site.yml": site("- include_tasks: {file: in.yml, apply: {vars: {v: '{{ later }}'}, tags: t}}\n  register: r",
                         "- debug: msg=\"{{ r.include }}\""),
        "in.yml": "- set_fact: {later: 1}\n- debug: msg='{{ v }}'\n",
    })
    assert [str(text) for text in told.messages()] == ["1", "in.yml"]


def test_a_file_includes_itself_until_a_fact_says_enough(tmp_path: Path) -> None:
    told = run_files(tmp_path, {
        "site.yml": site("- set_fact: n=0", "- include_tasks: again.yml"),
        "again.yml": (
            "- set_fact: n={{ n | int + 1 }}\n- debug: msg='{{ n }}'\n"
            "- include_tasks: again.yml\n  when: n | int < 3\n"
        ),
    })
    assert [str(text) for text in told.messages()] == ["1", "2", "3"]


def test_a_name_that_leaves_the_directories_of_the_play_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside.yml").write_text("- debug: msg=out\n")
    told = run_files(tmp_path / "inner", {"site.yml": site("- include_tasks: '{{ \"../outside.yml\" }}'")})
    assert told.messages() == []
    assert "there is no task file '../outside.yml'" in told.failures()[0]


def test_an_include_that_a_host_names_opens_no_secret(tmp_path: Path) -> None:
    told = run_files(tmp_path, {
        "site.yml": site("- include_tasks: '{{ which }}.yml'\n  vars: {which: chosen}"),
        "chosen.yml": "- command: 'echo {{ password }}'\n",
    }, variables={"password": Secret("root-password")}, services=Services(secret=lambda name: "plain text"))
    assert "secret 'root-password' is not named by this play" in told.failures()[0]


def test_a_missing_file_fails_its_host_and_a_rescue_catches_it(tmp_path: Path) -> None:
    told = run_files(tmp_path, {
        "site.yml": site("""\
            - block:
                - include_tasks: "{{ 'no' }}pe.yml"
              rescue:
                - debug: msg=caught
            """.replace("            ", "")),
    })
    assert told.messages() == ["caught"]
    assert told.count("rescued") == 1


def test_a_host_names_the_role_and_its_files(tmp_path: Path) -> None:
    told = run_files(tmp_path, {
        **ROLE,
        "site.yml": site(
            "- include_role: {name: '{{ which }}'}\n  vars: {which: r}",
            "- include_role: {name: r, tasks_from: '{{ \"other\" }}', vars_from: alt, defaults_from: alt.yml}",
            "- import_role: {name: r, tasks_from: other}",
        ),
    })
    assert told.messages() == ["main 1 1", "other 2 2", "other 1 1"]


def test_the_variables_of_an_included_role_are_seen_after_it_only_when_it_is_public(tmp_path: Path) -> None:
    shown = "- debug: msg=\"{{ d | default('hidden') }}\""
    told = run_files(tmp_path, {
        **ROLE,
        "site.yml": site("- include_role: name=r", shown, "- include_role: name=r public=true", shown),
    })
    assert told.messages() == ["main 1 1", "hidden", "main 1 1", 1]


def test_tags_of_an_include_are_its_own_and_apply_gives_them_to_its_tasks(tmp_path: Path) -> None:
    files = {
        "in.yml": "- debug: msg='{{ x }}'\n",
        "site.yml": site(
            "- include_tasks: in.yml\n  tags: one\n  vars: {x: own}",
            "- include_tasks: {file: in.yml, apply: {tags: one}}\n  tags: one\n  vars: {x: applied}",
            "- import_tasks: in.yml\n  tags: one\n  vars: {x: imported}",
        ),
    }
    assert run_files(tmp_path, files, tags=("one",)).messages() == ["applied", "imported"]


def test_variables_come_from_a_file_that_a_host_names(tmp_path: Path) -> None:
    told = run_files(tmp_path, {
        "site.yml": site(
            "- include_vars: '{{ inventory_hostname }}.yml'", "- debug: msg='{{ x }}'",
            "- include_vars: {dir: more, name: all, ignore_files: [skipped.yml]}", "- debug: msg='{{ all }}'",
            "- include_vars: {file: more/two.yml, hash_behaviour: merge}", "- debug: msg='{{ y }}'",
        ),
        "vars/a.yml": "x: 'of {{ inventory_hostname }}'\ny: {k: 1}\n",
        "vars/more/two.yml": "y: {l: 2}\n",
        "vars/more/skipped.yml": "z: 1\n",
    })
    assert told.messages() == ["of a", {"y": {"l": 2}}, {"k": 1, "l": 2}]


def test_handlers_of_an_included_role_are_known_after_it_and_near_names_are_offered_before(tmp_path: Path) -> None:
    told = run_files(tmp_path, {
        "site.yml": site(
            "- include_role: name=r", "- debug: msg=x\n  changed_when: true\n  notify: ['again', 'r : again']",
            "- debug: msg=y\n  changed_when: true\n  notify: agian\n  ignore_errors: true",
        ),
        "roles/r/tasks/main.yml": "- debug: msg=r\n",
        "roles/r/handlers/main.yml": "- name: again\n  debug: msg=handled\n",
    })
    assert "did you mean 'again'" in told.failures()[0]
    assert told.messages() == ["r", "x", told.failures()[0], "handled"]


def test_handlers_of_an_included_role_see_what_its_last_include_and_its_last_item_gave(tmp_path: Path) -> None:
    told = run_files(tmp_path, {
        "site.yml": site(
            "- include_role: {name: h}\n  loop: [1, 2]\n  vars: {port: 'p{{ item }}'}",
            "- meta: flush_handlers",
            "- include_role: {name: '{{ x }}'}\n  loop: [h]\n  loop_control: {loop_var: x}\n  vars: {port: 'q{{ x }}'}",
            "- meta: flush_handlers",
            "- include_role: {name: h}\n  vars: {port: r}",
        ),
        "roles/h/tasks/main.yml": "- debug: msg='{{ port }}'\n  changed_when: true\n  notify: restart\n",
        "roles/h/handlers/main.yml": "- name: restart\n  debug: msg='restart {{ port }}'\n",
    })
    assert told.messages() == ["p1", "p2", "restart p2", "qh", "restart qh", "r", "restart r"]


def test_templates_include_import_and_extend_others_of_the_role(tmp_path: Path) -> None:
    told = run_files(tmp_path, {
        "site.yml": "- {hosts: all, gather_facts: false, roles: [r]}\n",
        "roles/r/tasks/main.yml": """
- debug: msg="{{ lookup('template', 'deep/page.j2') }}"
  vars: {word: seen}
- debug: msg="{{ lookup('template', 'missing.j2') }}"
""",
        "roles/r/templates/base.j2": "[{% block body %}{% endblock %}]",
        "roles/r/templates/deep/page.j2":
            "{% extends 'base.j2' %}{% from 'macros.j2' import twice %}"
            "{% block body %}{{ twice('a') }} {% include 'beside.j2' %}{% endblock %}",
        "roles/r/templates/macros.j2": "{% macro twice(x) %}{{ x }}{{ x }}{% endmacro %}",
        "roles/r/templates/deep/beside.j2": "{{ word }}",
        "roles/r/templates/missing.j2": "{% include '/etc/passwd' %}",
    })  # fmt: skip
    assert told.messages()[0] == "[aa seen]"
    assert told.failures() == ["/etc/passwd"]


def test_files_that_handlers_import_hold_handlers_with_topics(tmp_path: Path) -> None:
    told = run_files(tmp_path, {
        "site.yml": HEAD + """\
    - debug: msg=done
      changed_when: true
      notify: [ours, theirs]
  roles: [r]
  handlers:
    - import_tasks: handlers/more.yml
""",
        "handlers/more.yml": "- name: one\n  debug: msg=one\n  listen: ours\n",
        "roles/r/handlers/main.yml": "- import_tasks: parts/two.yml\n",
        "roles/r/handlers/parts/two.yml": "- name: two\n  debug: msg=two\n  listen: [theirs]\n",
    })  # fmt: skip
    assert told.messages() == ["done", "two", "one"]


def test_a_screen_of_whole_results_is_told_what_each_include_brings(tmp_path: Path) -> None:
    told = run_files(tmp_path, {
        **ROLE,
        "site.yml": site(
            "- include_tasks: one.yml", "- include_tasks: '{{ \"one\" }}.yml'",
            "- include_tasks: one.yml\n  loop: [1, 2]\n  loop_control: {label: 'no {{ item }}'}\n  when: item == 2",
            "- include_tasks: one.yml\n  loop: [key]\n  no_log: true", "- include_role: {name: r}",
        ),
        "one.yml": "- debug: msg=1\n",
    }, whole_results=True)  # fmt: skip
    names = ("file", "item", "label", "hidden")
    found = [tuple(event.get(name) for name in names) for event in told.of("included")]
    one = str(tmp_path / "one.yml")
    assert found == [
        (one, None, None, None), (one, None, None, None), ("", 1, "no 1", None), (one, 2, "no 2", None),
        (one, None, None, True), ("r", None, None, None),
    ]
    assert told.of("start")[-2]["name"] == "include_role : r"


def test_other_screens_are_not_told_what_includes_bring(tmp_path: Path) -> None:
    told = run_files(tmp_path, {"site.yml": site("- include_tasks: one.yml"), "one.yml": "- debug: msg=1\n"})
    assert not told.of("included")
