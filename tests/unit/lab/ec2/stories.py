"""What moto says with and without a part of the lab's corrections, in processes of their own: its classes change."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clusterbook.lab.ec2.account import images

# What every story knows: boto3, mock_aws, and the code of a refused request (moto's own exception where it breaks off).
START = """
import importlib, json, sys
if sys.argv[1]:
    importlib.import_module(sys.argv[1]).apply()
import boto3
from botocore.exceptions import ClientError
from moto import mock_aws

def said(asking, **arguments):
    try:
        return asking(**arguments) and "done"
    except ClientError as error:
        return error.response["Error"]["Code"]
    except Exception as error:
        return type(error).__name__
"""


def told(part: str, story: str, *arguments: str) -> list[Any]:
    """[plain, corrected]: what a story prints as JSON. part: a module of clusterbook.lab.ec2; arguments: its own."""
    with tempfile.TemporaryDirectory() as folder:
        # A list of all the images that moto knows takes seconds.
        (few := Path(folder) / "images.json").write_text(json.dumps(images()))
        return [_tell(name, story, arguments, str(few)) for name in ("", f"clusterbook.lab.ec2.{part}")]


def _tell(module: str, story: str, arguments: Sequence[str], images: str) -> Any:
    environment = {
        **os.environ, "MOTO_AMIS_PATH": images,
        "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-2",
        "PYTHONPATH": str(Path(__file__).parents[4]),
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", START + story, module, *arguments], env=environment, check=False,
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
