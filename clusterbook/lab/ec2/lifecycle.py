"""Brings the lab's EC2 up: network, moto, and the process that keeps hosts as the account says."""

from __future__ import annotations

import importlib.util
import ipaddress
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

from clusterbook.errors import Failed, InvalidInput
from clusterbook.lab import apt_cache, lab, network, process
from clusterbook.lab.ec2.corrections import answers
from clusterbook.lab.inventory_file import OF_LABS
from clusterbook.lab.spec import LabSpec

NAME = "ec2"
# The default range of a cluster's VPC: hosts have the addresses that EC2 gives them.
NETWORK = "10.20.0.0/16"
REGION = "us-east-2"
PORT = 5555
# Where instances find what EC2 knows of them, and where the lab answers that.
METADATA_ADDRESS, METADATA_PORT = "169.254.169.254", 5556
# moto's account, and where the registry of its ECR is.
ACCOUNT = "123456789012"
ECR_HOST, ECR_PORT = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com", 5557
# Where API servers that play EKS's ask who shows a token.
TOKENS_PORT = 5558
READY_SECONDS = 60
PACKAGE_ROOT = Path(__file__).parents[3]
# No key of anybody's: moto takes any.
KEYS = {"AWS_ACCESS_KEY_ID": "lab", "AWS_SECRET_ACCESS_KEY": "lab"}


def spec_of(network: str = NETWORK) -> LabSpec:
    """The lab before there are instances. Its hand and its resolver have the address of AWS's own in a VPC."""
    own = str(ipaddress.ip_network(network)[2])
    return LabSpec(NAME, (), network, hand=own, resolver=own)


def environment(spec: LabSpec) -> dict[str, str]:
    """What makes AWS's own tools, and clusterbook, talk to the lab."""
    return {
        **KEYS, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": f"http://{spec.gateway}:{PORT}",
        "AWS_EC2_METADATA_DISABLED": "true", "CLUSTERBOOK_MIRROR": f"http://{spec.gateway}:{spec.files_port}",
    }  # fmt: skip


def up(spec: LabSpec, progress: Callable[[str], None]) -> list[str]:
    """Start what does not run. Returns what was changed; nothing on a second run."""
    if importlib.util.find_spec("moto") is None:
        raise InvalidInput("the lab's EC2 needs moto, which is not installed",
                           next_step="Run: pip install 'clusterbook[ec2-lab]'")  # fmt: skip
    changes = list(lab.ground(spec, progress))
    directory = spec.directory / "ec2"
    directory.mkdir(mode=0o700, exist_ok=True)
    _write_variables(spec)
    module = [sys.executable, "-m"]
    account = [*module, "clusterbook.lab.ec2.account", "--address", spec.gateway, "--port", str(PORT),
               "--images", str(directory / "images.list")]  # fmt: skip
    if _start(spec, "account", account):
        changes.append(f"started an AWS of the lab's own on {spec.gateway}:{PORT}")
    _wait(spec)
    metadata = [*module, "clusterbook.lab.ec2.metadata", "--address", spec.gateway, "--port", str(METADATA_PORT)]
    redirected = network.redirect(spec, METADATA_ADDRESS, 80, METADATA_PORT)
    if _start(spec, "metadata", metadata) or redirected:
        changes.append("started the metadata service of instances")
    ecr = [*module, "clusterbook.lab.ec2.ecr", "--address", spec.gateway, "--port", str(ECR_PORT),
           "--registry", f"{spec.gateway}:{spec.registry_port}"]  # fmt: skip
    if _start(spec, "ecr", ecr):
        changes.append(f"started the registry {ECR_HOST}")
    eks = [*module, "clusterbook.lab.ec2.eks", "--address", spec.gateway, "--port", str(TOKENS_PORT),
           "--sts", f"{environment(spec)['AWS_ENDPOINT_URL']}/"]  # fmt: skip
    if _start(spec, "eks", eks):
        changes.append("started the service that knows the tokens of EKS")
    if _start(spec, "machines", [*module, "clusterbook.lab.ec2.machines", spec.name]):
        changes.append("started the process that makes a host of each instance")
    return changes


def variables_file(spec: LabSpec) -> Path:
    """What roles are told of hosts that share this machine's kernel, for --extra-vars."""
    return spec.directory / "variables.yml"


def _write_variables(spec: LabSpec) -> None:
    account = {"AWS_ENDPOINT_URL": environment(spec)["AWS_ENDPOINT_URL"]}
    known: dict[str, object] = {
        **OF_LABS, "image_mirror": f"http://{spec.gateway}:{spec.registry_port}",
        "aws_cloud_controller_environment": account, "ecr_credentials_environment": account,
        "eks_node_sts_url": f"{account['AWS_ENDPOINT_URL']}/",
        "containerd_registry_addresses": {ECR_HOST: f"http://{spec.gateway}:{ECR_PORT}"},
    }  # fmt: skip
    if apt_cache.available():
        known["apt_proxy"] = f"http://{spec.gateway}:{spec.apt_port}"
    variables_file(spec).write_text(yaml.safe_dump(known))


def _start(spec: LabSpec, name: str, argv: list[str]) -> bool:
    directory = spec.directory / "ec2"
    if process.alive(process.read_record(directory / f"{name}.json")):
        return False
    settings: Mapping[str, str] = {
        **environment(spec), "PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(PACKAGE_ROOT),
        "PYTHONDONTWRITEBYTECODE": "1", "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "HOME": os.environ.get("HOME", "/root"),
    }  # fmt: skip
    process.start(argv, directory / f"{name}.log", directory / f"{name}.json", settings)
    return True


def _wait(spec: LabSpec) -> None:
    deadline = time.monotonic() + READY_SECONDS
    record, log = spec.directory / "ec2" / "account.json", spec.directory / "ec2" / "account.log"
    while not answers(spec.gateway, PORT):
        if not process.alive(process.read_record(record)) or time.monotonic() > deadline:
            raise Failed(f"the lab's AWS does not answer: {process.tail(log)}", next_step=f"Read {log}.")
        time.sleep(0.1)


def shell_lines(spec: LabSpec) -> str:
    """The environment for a shell."""
    return "\n".join(f"export {name}={json.dumps(value)}" for name, value in environment(spec).items())
