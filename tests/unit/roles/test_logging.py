"""What bounds the aggregator's files, and what both sides are told."""

from __future__ import annotations

import os
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
import yaml

from clusterbook.language.environment import Expressions
from clusterbook.language.scope import Scope

ROLE = Path(__file__).parents[3] / "roles" / "logging"
DEFAULTS = yaml.safe_load((ROLE / "defaults/main.yml").read_text())


@pytest.fixture
def bound() -> Any:
    spec = spec_from_file_location("bound", ROLE / "files" / "bound.py")
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.bound


def files(folder: Path, **ages: int) -> None:
    """Files of 10 bytes each, that got their last line so many seconds after 1970."""
    for name, when in ages.items():
        path = folder / name.replace("__", ".")
        path.write_bytes(b"x" * 10)
        os.utime(path, (when, when))


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_oldest_rotated_files_go_until_the_rest_fits(tmp_path: Path, bound: Any) -> None:
    files(tmp_path, a__jsonl=1, a__jsonl__7__gz=2, b__jsonl=9, b__jsonl__8=3, b__jsonl__9=4)
    assert bound(tmp_path, 35, 0) == ["a.jsonl.7.gz", "b.jsonl.8"]
    assert left(tmp_path) == {"a.jsonl", "b.jsonl", "b.jsonl.9"}
    assert bound(tmp_path, 35, 0) == []


def test_a_file_that_is_written_to_stays_whatever_its_size(tmp_path: Path, bound: Any) -> None:
    files(tmp_path, a__jsonl=1, b__jsonl=2)
    assert bound(tmp_path, 5, 0) == []


def test_what_got_nothing_for_long_goes_though_there_is_room(tmp_path: Path, bound: Any) -> None:
    files(tmp_path, gone__jsonl=10, here__jsonl=30, here__jsonl__5=10)
    assert sorted(bound(tmp_path, 1000, 20)) == ["gone.jsonl", "here.jsonl.5"]
    assert left(tmp_path) == {"here.jsonl"}


def rendered(name: str, **more: Any) -> str:
    """A template of the role for the node w-1 of a cluster whose aggregator is cp-1."""
    known = {"node_name": "w-1", "node_address": "192.0.2.21", "logging_aggregator": "cp-1", "logging_port": 6514,
             "hostvars": {"cp-1": {"node_address": "192.0.2.11"}}, "certificate_issued_after": 0,
             "logging_agent": "rsyslog"}  # fmt: skip
    scope = Scope([DEFAULTS, known, more], Expressions({}), lambda name: "")
    return Expressions({}, {"trim_blocks": True}).text((ROLE / "templates" / name).read_text(), scope.resolve)


@pytest.mark.parametrize(("template", "golden", "agent"), [
    ("fluent-bit.yaml.j2", "fluent-bit.yaml", "fluent-bit"), ("agent.conf.j2", "log-agent.conf", "rsyslog"),
    ("aggregator.conf.j2", "log-aggregator.conf", "rsyslog"),
    ("aggregator.conf.j2", "log-aggregator-for-fluent-bit.conf", "fluent-bit"),
])  # fmt: skip
def test_what_hosts_get_is_as_it_was_looked_at(template: str, golden: str, agent: str) -> None:
    """CLUSTERBOOK_WRITE_GOLDEN=1 writes them anew: read the difference before you keep it."""
    path = Path(__file__).parent / "golden" / golden
    text = rendered(template, logging_agent=agent)
    if "CLUSTERBOOK_WRITE_GOLDEN" in os.environ:
        path.write_text(text)
    assert text == path.read_text()


def test_nothing_is_sent_or_taken_in_plain_text() -> None:
    for agent in ("rsyslog", "fluent-bit"):
        text = rendered("aggregator.conf.j2", logging_agent=agent)
        assert text.count("permittedPeer") == 1 and "clusterbook-logging-agent" in text
        assert 'tls="on"' in text or ('streamDriver.mode="1"' in text and 'authMode="x509/name"' in text)
    assert 'tls="on"' in rendered("agent.conf.j2")
    _, configuration, daemons = yaml.safe_load_all(rendered("fluent-bit.yaml.j2"))
    output = yaml.safe_load(configuration["data"]["clusterbook.yaml"])["pipeline"]["outputs"][0]
    assert (output["tls"], output["tls.verify"], output["tls.verify_hostname"]) == (True, True, True)
    assert daemons["spec"]["template"]["spec"]["containers"][0]["image"] == DEFAULTS["logging_fluent_bit_image"]
