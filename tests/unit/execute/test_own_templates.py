"""Templates of playbooks, outside of roles: variables that only they name."""

from __future__ import annotations

from pathlib import Path

from clusterbook.execute.services import Services
from clusterbook.source import vault
from tests.unit.execute.playing import HEAD, run_files

INVENTORY = "a ansible_connection=local here=one there=two\n"


def test_a_lookup_of_a_template_sees_variables_that_nothing_else_names(tmp_path: Path) -> None:
    told = run_files(tmp_path, {
        "inventory.ini": INVENTORY,
        "templates/x.j2": "{{ here }} {{ hostvars['a'].there }}",
        "site.yml": HEAD + "    - debug: {msg: \"{{ lookup('template', 'x.j2') }}\"}\n",
    })
    assert told.messages() == ["one two"]


def test_a_template_whose_name_the_run_computes_sees_them_too(tmp_path: Path) -> None:
    target = tmp_path / "written"
    told = run_files(tmp_path, {
        "inventory.ini": INVENTORY,
        "templates/x.conf.j2": "{{ here }}",
        "site.yml": HEAD + f"""\
    - template: {{src: "{{{{ item }}}}.conf.j2", dest: "{target}"}}
      loop: [x]
""",
    })
    assert told.count("failed") == 0 and target.read_text() == "one"


def test_a_template_that_a_play_looks_up_by_its_name_may_be_encrypted_and_is_not_shown(tmp_path: Path) -> None:
    told = run_files(tmp_path, {
        "inventory.ini": INVENTORY.replace(" here=", " file=x.j2 here="),
        "templates/x.j2": vault.seal(b"secret {{ here }}", b"password", "", b"0" * 32),
        "site.yml": HEAD + """\
    - set_fact: {kept: "{{ lookup('template', file) }}"}
    - assert: {that: "kept == 'secret one'"}
    - debug: {msg: "{{ lookup('template', file) }}"}
""",
    }, services=Services(decrypt=lambda data, name: vault.open_sealed(data, b"password")))  # fmt: skip
    assert told.count("ok") == 3
    assert [bool(event.get("hidden")) for event in told.of("result")] == [True, False, True]
    assert "secret one" not in str(told.events)


def test_an_encrypted_template_that_only_a_host_names_stays_closed(tmp_path: Path) -> None:
    told = run_files(tmp_path, {
        "inventory.ini": INVENTORY,
        "templates/x.j2": vault.seal(b"secret", b"password", "", b"0" * 32),
        "site.yml": HEAD + """\
    - set_fact: {name: x.j2}
    - debug: {msg: "{{ lookup('template', name) }}"}
""",
    }, services=Services(decrypt=lambda data, name: vault.open_sealed(data, b"password")))  # fmt: skip
    assert "its name comes from the host: what a host says opens nothing" in told.failures()[0]
