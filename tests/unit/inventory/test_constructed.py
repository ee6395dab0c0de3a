"""`plugin: constructed`, compared once with ansible-inventory of ansible-core 2.19 on these very files."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterbook.errors import InvalidInput, InvalidProject
from clusterbook.inventory import SourcedInventory, load
from clusterbook.inventory.yaml_file import plugin_of

HOSTS = """\
all:
  vars: {site: north}
  children:
    web:
      vars: {tier: front, port: 80}
      hosts:
        w1: {os: debian, tags: {team: a, empty: ''}, roles: [x, y, '']}
        w2: {os: '', tags: {team: b}, roles: [], port: '{{ 8000 + 80 }}'}
    db:
      hosts: {d1: {os: rocky}}
"""


def loaded(folder: Path, rules: str, hosts: str = HOSTS) -> SourcedInventory:
    """Both files of a directory, the second one of this plug-in."""
    (folder / "1-hosts.yml").write_text(hosts)
    (folder / "2-groups.yml").write_text(f"plugin: constructed\n{rules}")
    return load(folder)


def made(inventory: SourcedInventory) -> dict[str, tuple[str, ...]]:
    """The groups that are not in the first file."""
    known = ("all", "ungrouped", "web", "db")
    return {name: hosts for name, hosts in inventory.groups.items() if name not in known and hosts}


def test_variables_are_composed_and_seen_by_what_comes_after(tmp_path: Path) -> None:
    inventory = loaded(tmp_path, """\
compose:
  label: inventory_hostname ~ '-' ~ site
  next_port: port | int + 1
  broken: nothing_here.x
groups: {named: label == 'w1-north'}
""")
    found = {name: dict(host.variables) for name, host in inventory.hosts.items()}
    assert [found[name]["label"] for name in ("w1", "w2", "d1")] == ["w1-north", "w2-north", "d1-north"]
    assert (found["w1"]["next_port"], found["w2"]["next_port"]) == (81, 8081)
    assert "next_port" not in found["d1"] and "broken" not in found["w1"]
    assert made(inventory) == {"named": ("w1",)}


def test_groups_are_conditions_and_one_that_cannot_be_told_has_nobody(tmp_path: Path) -> None:
    assert made(loaded(tmp_path, """\
groups:
  debians: os == 'debian'
  front_north: tier is defined and site == 'north'
  in-web: "'web' in group_names"
  never: nope
""")) == {"debians": ("w1",), "front_north": ("w1", "w2"), "in_web": ("w1", "w2")}


def test_keyed_groups_are_named_after_texts_lists_and_mappings(tmp_path: Path) -> None:
    assert made(loaded(tmp_path, """\
keyed_groups:
  - {key: os, prefix: os, parent_group: systems}
  - {key: os, prefix: d, default_value: unknown}
  - {key: tags, prefix: tag}
  - {key: tags, prefix: t2, separator: '-', trailing_separator: false}
  - {key: roles, prefix: r, default_value: none}
  - {key: inventory_hostname, parent_group: '{{ site }}_names'}
""")) == {
        "os_debian": ("w1",), "os_rocky": ("d1",), "systems": ("w1", "d1"),
        "d_debian": ("w1",), "d_unknown": ("w2",), "d_rocky": ("d1",),
        "tag_team_a": ("w1",), "tag_empty_": ("w1",), "tag_team_b": ("w2",),
        "t2_team_a": ("w1",), "t2_empty": ("w1",), "t2_team_b": ("w2",),
        "r_x": ("w1",), "r_y": ("w1",), "r_none": ("w1",),
        "_w1": ("w1",), "_w2": ("w2",), "_d1": ("d1",), "north_names": ("w1", "w2", "d1"),
    }  # fmt: skip


def test_names_may_begin_without_a_separator(tmp_path: Path) -> None:
    rules = "leading_separator: false\nkeyed_groups: [{key: os}]\n"
    assert made(loaded(tmp_path, rules)) == {"debian": ("w1",), "rocky": ("d1",)}


def test_variables_of_files_count_where_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "web.yml").write_text("colour: red\n")
    rules = "keyed_groups: [{key: colour, prefix: c}]\n"
    assert made(loaded(tmp_path, rules)) == {}
    assert made(loaded(tmp_path, rules + "use_vars_plugins: true\n")) == {"c_red": ("w1", "w2")}


def test_groups_that_were_made_have_variables_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "os_rocky.yml").write_text("package: dnf\n")
    inventory = loaded(tmp_path, "keyed_groups: [{key: os, prefix: os}]\n")
    assert inventory.hosts["d1"].variables["package"] == "dnf"


@pytest.mark.parametrize(("rules", "message"), [
    ("strict: true\ncompose: {a: nope}\n", "compose.a of host 'w1': 'nope' is undefined"),
    ("strict: true\ngroups: {a: nope}\n", "groups.a of host 'w1': 'nope' is undefined"),
    ("strict: true\nkeyed_groups: [{key: os}]\n", "key 'os' gives nothing for host 'w2'"),
    ("keyed_groups: [{key: port}]\n", "key 'port' gives 80 for host 'w1'"),
    ("keyed_groups: [{key: roles, separator: ''}]\n", "a group of host 'w1' would have no name"),
])  # fmt: skip
def test_what_gives_no_group_is_told_with_its_place(tmp_path: Path, rules: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        loaded(tmp_path, rules)
    assert caught.value.message == message and str(caught.value.where).startswith(f"{tmp_path}/2-groups.yml:")


def test_a_word_that_is_not_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidProject) as caught:
        loaded(tmp_path, "keyed_group: []\n")
    assert "keyed_group" in caught.value.problems[0].message


def test_it_is_no_inventory_of_a_cloud(tmp_path: Path) -> None:
    loaded(tmp_path, "")
    assert plugin_of(tmp_path / "2-groups.yml") == ""
