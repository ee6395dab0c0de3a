"""What the roles for hosts of EC2 write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from clusterbook.language.environment import Expressions
from clusterbook.language.scope import Scope

ROLES = Path(__file__).parents[3] / "roles"


def rendered(role: str, name: str, **variables: Any) -> str:
    defaults = yaml.safe_load((ROLES / role / "defaults/main.yml").read_text())
    more = {"ansible_managed": "", "cluster_name": "demo", "node_api_url": "https://10.20.32.10:6443"}
    scope = Scope([defaults, more, variables], Expressions({}), lambda name: "")
    text = (ROLES / role / "templates" / name).read_text()
    return Expressions({}, {"trim_blocks": True}).text(text, scope.resolve)


def test_the_cloud_controller_asks_aws_itself_unless_told_another_address() -> None:
    unit = rendered("aws_cloud_controller", "aws-cloud-controller-manager.service.j2")
    assert "Environment=" not in unit and "--cluster-name=demo" in unit
    told = rendered("aws_cloud_controller", "aws-cloud-controller-manager.service.j2",
                    aws_cloud_controller_environment={"AWS_ENDPOINT_URL": "http://10.20.0.1:5555"},
                    aws_cloud_controller_extra_arguments=["--v=3"])  # fmt: skip
    assert 'Environment="AWS_ENDPOINT_URL=http://10.20.0.1:5555"\n' in told
    assert "  --v=3 \\\n  --tls-min-version=VersionTLS12\n" in told


def test_the_credential_provider_is_asked_for_images_of_ecr_alone() -> None:
    found = yaml.safe_load(rendered("ecr_credentials", "ecr-credentials.yaml.j2"))["providers"][0]
    assert all(".ecr" in name or "ecr-fips" in name for name in found["matchImages"])
    assert "env" not in found
    told = rendered("ecr_credentials", "ecr-credentials.yaml.j2", ecr_credentials_environment={"AWS_ENDPOINT_URL": "u"})
    assert yaml.safe_load(told)["providers"][0]["env"] == [{"name": "AWS_ENDPOINT_URL", "value": "u"}]


def test_a_registry_with_an_address_of_its_own_is_asked_there() -> None:
    text = rendered("containerd", "registry.toml.j2", item="r.example", containerd_registry_addresses={
        "r.example": "http://10.20.0.1:5557"
    })  # fmt: skip
    assert 'server = "http://10.20.0.1:5557"\n\n[host."http://10.20.0.1:5557"]\n' in text
