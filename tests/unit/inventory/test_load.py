"""Inventories: groups, ranges, variables in Ansible's order, and every refusal."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from clusterbook.errors import InvalidInput, InvalidProject
from clusterbook.inventory import SourcedInventory, load, locate
from clusterbook.inventory.ranges import expand, split_port
from clusterbook.language.values import Template
from clusterbook.model import NOWHERE


def written(directory: Path, text: str, name: str = "hosts.yml") -> Path:
    """A file in a directory that is made."""
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def refusal(path: Path) -> list[str]:
    """PLACE: MESSAGE of each problem of an inventory."""
    with pytest.raises(InvalidInput) as caught:
        load(path)
    problems = caught.value.problems if isinstance(caught.value, InvalidProject) else (caught.value,)
    return [f"{str(item.where).removeprefix(str(path) + ':')}: {item.message}" for item in problems]


def variables(inventory: SourcedInventory, host: str) -> dict[str, object]:
    """A host's variables as a plain dict."""
    return dict(inventory.hosts[host].variables)


def test_groups_children_ranges_and_variables_of_a_yaml_inventory(tmp_path: Path) -> None:
    inventory = load(
        written(
            tmp_path,
            "all:\n  vars: {a: all, b: all}\n  hosts: {lone: {}}\n  children:\n"
            "    web: {hosts: {'web[01:03].x': {b: host}, 'other:2222': }, vars: {a: web}}\n"
            "    top: {children: {web: {}}, vars: {a: top, c: top}}\n",
        )
    )
    assert list(inventory.hosts) == ["lone", "web01.x", "web02.x", "web03.x", "other"]
    assert inventory.groups["top"] == inventory.groups["web"] == ("web01.x", "web02.x", "web03.x", "other")
    assert inventory.groups["ungrouped"] == ("lone",)
    assert variables(inventory, "web01.x") == {"a": "web", "b": "host", "c": "top"}
    assert variables(inventory, "other") == {"a": "web", "b": "all", "c": "top", "ansible_port": 2222}
    assert inventory.hosts["web01.x"].groups == ("all", "top", "web")
    assert inventory.hosts["lone"].groups == ("all", "ungrouped")


def test_an_ini_inventory_reads_the_same_things(tmp_path: Path) -> None:
    text = (
        "lone ansible_host=1.2.3.4 # a comment\n[web]\nweb[01:02] n=5 q=\"a b\" t='{{ z }}'\nother:2222\n"
        "[top:children]\nweb\n[web:vars]\nx = [1, 2]\n; comment\ny=hello world\n[all:vars]\nz=True\n"
    )
    inventory = load(written(tmp_path, text, "hosts"))
    assert inventory.groups["top"] == ("web01", "web02", "other")
    found = variables(inventory, "web01")
    assert (found["n"], found["q"], found["x"], found["y"], found["z"]) == (5, "a b", [1, 2], "hello world", True)
    assert isinstance(found["t"], Template)
    assert variables(inventory, "lone")["ansible_host"] == "1.2.3.4"
    assert variables(inventory, "other")["ansible_port"] == 2222


def test_literals_of_an_ini_inventory_that_a_variable_cannot_hold_are_text(tmp_path: Path) -> None:
    inventory = load(written(tmp_path, "a\n[all:vars]\nx = b'bytes'\ny = ...\nz = 0x\n", "hosts.ini"))
    assert {name: variables(inventory, "a")[name] for name in "xyz"} == {"x": "bytes", "y": "...", "z": "0x"}


def test_files_beside_inventory_and_playbook_win_in_ansibles_order(tmp_path: Path) -> None:
    inventory, playbook = tmp_path / "inventory", tmp_path / "playbooks"
    source = written(inventory, "all: {vars: {v: 1}, children: {g: {vars: {v: 2}, hosts: {h: {v: 7}}}}}")
    steps = [
        (inventory / "group_vars/all.yml", 3), (playbook / "group_vars/all/main.yml", 4),
        (inventory / "group_vars/g.yaml", 5), (playbook / "group_vars/g", 6),
        (inventory / "host_vars/h.yml", 8), (playbook / "host_vars/h.json", 9),
    ]  # fmt: skip
    for path, value in steps:
        written(path.parent, f'{{"v": {value}, "v{value}": true}}', path.name)
    loaded = load(source, playbook / "site.yml", {"v": 0, "cluster_name": "demo"})
    assert [layer.values["v"] for layer in loaded.layers["h"]] == list(range(10))
    assert variables(loaded, "h")["v"] == 9
    assert variables(loaded, "h")["cluster_name"] == "demo"
    assert all(f"v{value}" in variables(loaded, "h") for _, value in steps)


def test_a_deeper_group_beats_a_higher_one_and_priority_beats_the_name(tmp_path: Path) -> None:
    text = (
        "all: {children: {b: {vars: {v: b, w: b}, hosts: {h: }}, "
        "a: {vars: {v: a, w: a, ansible_group_priority: 10}, hosts: {h: }}, z: {vars: {v: z}, children: {b: }}}}"
    )
    found = variables(load(written(tmp_path, text)), "h")
    assert (found["v"], found["w"]) == ("b", "b")
    flat = "{b: {vars: {v: b}, hosts: {h: }}, a: {vars: {v: a, ansible_group_priority: 10}, hosts: {h: }}}"
    assert variables(load(written(tmp_path, flat)), "h")["v"] == "a"


def test_a_directory_and_a_list_of_sources_are_one_inventory(tmp_path: Path) -> None:
    written(tmp_path / "many", "all: {hosts: {a: }}", "1.yml")
    written(tmp_path / "many", "[web]\nb\n", "2.ini")
    written(tmp_path / "many/group_vars", "v: 1", "all.yml")
    assert list(load(tmp_path / "many").hosts) == ["a", "b"]
    assert variables(load(tmp_path / "many"), "b") == {"v": 1}
    assert list(load([tmp_path / "many", "c,d[1:2],"]).hosts) == ["a", "b", "c", "d1", "d2"]


def test_the_local_machine_can_be_asked_for_but_is_not_listed(tmp_path: Path) -> None:
    inventory = load(written(tmp_path, "all: {hosts: {h: }, vars: {v: 1}}"))
    local = inventory.hosts["localhost"]
    assert local.variables["ansible_connection"] == "local" and local.variables["v"] == 1
    assert list(inventory.hosts) == ["h"]
    assert pickle.loads(pickle.dumps(inventory.hosts))["localhost"].name == "localhost"
    with pytest.raises(KeyError):
        inventory.hosts["nowhere"]


def test_each_refusal_of_a_yaml_inventory_has_its_place(tmp_path: Path) -> None:
    assert refusal(written(tmp_path, "all: {hots: {}}\n'b c': {}\n")) == [
        "1:7: unknown key 'hots' of a group; did you mean 'hosts'?",
        "2:1: 'b c' cannot be a name here, expected the name of a group",
    ]
    assert refusal(written(tmp_path, "a: {children: {b: {children: {a: }}}}\n")) == [
        "1:1: group 'a' is its own child: a -> b -> a"
    ]
    assert refusal(written(tmp_path, "plugin: amazon.aws.aws_ec2\n")) == [
        "1:1: there is no inventory plugin 'amazon.aws.aws_ec2'"
    ]
    assert refusal(written(tmp_path, "all: {hosts: {'web[3:1]': }}\n")) == [
        "1:15: host name 'web[3:1]': it ends at 1 before it starts at 3"
    ]


def test_each_refusal_of_an_ini_inventory_has_its_place(tmp_path: Path) -> None:
    text = "[web]\na b\n[x:vars]\na=1\n[w:foo]\nq\n[m:children]\nwbe\n[web:vars]\nnothing\n[web]\nc d='\n"
    assert refusal(written(tmp_path, text, "hosts.ini")) == [
        "2:1: 'b' after host 'a' is not NAME=VALUE",
        "5:1: unknown section kind 'foo' of group 'w'",
        "6:1: 'q' is not NAME=VALUE",
        "10:1: 'nothing' is not NAME=VALUE",
        '12:1: "c d=\'" cannot be split into words: no closing quotation',
        "8:1: there is no group 'wbe'; did you mean 'web'?",
    ]


def test_problems_of_variable_files_come_together(tmp_path: Path) -> None:
    source = written(tmp_path, "all: {hosts: {h: }}")
    written(tmp_path / "group_vars", "a-b: 1", "all.yml")
    written(tmp_path / "host_vars", "a: b: c", "h.yml")
    with pytest.raises(InvalidProject) as caught:
        load(source)
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("name", "hosts"),
    [
        ("web", ["web"]),
        ("w[1:3]", ["w1", "w2", "w3"]),
        ("w[08:10].x", ["w08.x", "w09.x", "w10.x"]),
        ("w[a:c]", ["wa", "wb", "wc"]),
        ("w[0:6:3]", ["w0", "w3", "w6"]),
        ("r[1:2]-h[1:2]", ["r1-h1", "r1-h2", "r2-h1", "r2-h2"]),
    ],
)
def test_a_range_stands_for_its_names(name: str, hosts: list[str]) -> None:
    assert expand(name, NOWHERE) == hosts


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("w[1-3]", "a range is written [1:3]"),
        ("w[1:x]", "a range goes from number to number or from letter to letter"),
        ("w[01:100]", "start and end have a different number of digits"),
        ("w[1:3:0]", "the step '0' is not a number above 0"),
        ("w[1:999999]", "it stands for more than 100000 hosts"),
    ],
)
def test_a_wrong_range_says_what_is_wrong(name: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        expand(name, NOWHERE)
    assert caught.value.message == f"host name {name!r}: {reason}"
    assert caught.value.next_step == "Correct the range."


def test_a_port_after_the_name_is_split_off() -> None:
    assert split_port("h:22") == ("h", 22)
    assert split_port("[::1]:22") == ("::1", 22)
    assert split_port("[::1]") == ("::1", None)
    assert split_port("fe80::1") == ("fe80::1", None)


def test_an_inventory_is_found_by_name_path_or_lab(tmp_path: Path) -> None:
    project, labs = tmp_path / "project", tmp_path / "labs"
    named = written(project / "inventory", "", "lab.yml")
    made = written(labs / "other", "", "inventory.yml")
    assert locate("lab", project, labs) == named
    assert locate(str(named), project, labs) == named
    assert locate("other", project, labs) == made
    assert locate("a,b", project, labs) == "a,b"
    with pytest.raises(InvalidInput) as caught:
        locate("labb", project, labs)
    assert caught.value.message == "there is no inventory 'labb'; did you mean 'lab'?"
    assert caught.value.next_step == "Give a path, or one of: lab."


def test_the_local_machine_has_host_vars_though_it_is_in_no_inventory(tmp_path: Path) -> None:
    (tmp_path / "hosts.ini").write_text("web\n")
    (tmp_path / "play" / "host_vars").mkdir(parents=True)
    (tmp_path / "play" / "host_vars" / "localhost.yml").write_text("port: 1\nansible_python_interpreter: /other\n")
    local = load(tmp_path / "hosts.ini", tmp_path / "play" / "site.yml").hosts["localhost"].variables
    assert (local["port"], local["ansible_python_interpreter"], local["ansible_connection"]) == (1, "/other", "local")
