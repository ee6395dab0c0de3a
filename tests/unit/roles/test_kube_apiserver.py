"""What the API server is told to ask of strangers and of pods, and what it writes down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

TEMPLATES = Path(__file__).parents[3] / "roles" / "kube_apiserver" / "templates"
# Whose bodies hold credentials.
CLOSED = {"secrets", "configmaps", "serviceaccounts/token", "tokenreviews"}


def told(name: str) -> Any:
    """A configuration file; these have no expressions in them."""
    return yaml.safe_load((TEMPLATES / f"{name}.yaml.j2").read_text())


def plugin(name: str) -> Any:
    return next(each["configuration"] for each in told("admission")["plugins"] if each["name"] == name)


def test_namespaces_enforce_baseline_unless_they_say_otherwise_and_kube_system_is_exempt() -> None:
    found = plugin("PodSecurity")
    levels = {mode: found["defaults"][mode] for mode in ("enforce", "warn", "audit")}
    assert levels == {"enforce": "baseline", "warn": "restricted", "audit": "restricted"}
    assert found["exemptions"] == {"namespaces": ["kube-system"]}


def test_events_are_limited_for_each_server_and_namespace() -> None:
    limits = {each["type"]: each["qps"] for each in plugin("EventRateLimit")["limits"]}
    assert limits == {"Server": 500, "Namespace": 50}


def test_strangers_are_answered_on_three_paths_alone() -> None:
    anonymous = told("authentication")["anonymous"]
    assert [each["path"] for each in anonymous["conditions"]] == ["/livez", "/readyz", "/healthz"]


def test_bodies_are_written_down_of_changes_of_rbac_alone() -> None:
    rules = told("audit-policy")["rules"]
    whole = [rule for rule in rules if rule["level"] not in ("None", "Metadata")]
    assert [[group["group"] for group in rule["resources"]] for rule in whole] == [["rbac.authorization.k8s.io"]]
    before = rules[: rules.index(whole[0])]
    named = {name for rule in before if rule["level"] == "Metadata" for group in rule["resources"]
             for name in group["resources"]}  # fmt: skip
    assert named == CLOSED
