"""User data of workers: what an instance runs at its first boot to join the cluster by itself (docs/joining.md)."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping

from clusterbook.errors import InvalidInput

FOLDER = "/usr/local/lib/clusterbook-join"
# EC2's limit, before base64.
MOST_BYTES = 16384
UNIT = f"""\
[Unit]
Description=Joins this instance to its cluster
Documentation=https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0
# Until the node has its own certificate and gave the token back.
ConditionPathExists=|!/var/lib/kubelet/pki/kubelet-client-current.pem
ConditionPathExists=|/etc/kubernetes/bootstrap-kubelet.conf

[Service]
Type=exec
ExecStart=/usr/bin/python3 -I -B {FOLDER} {FOLDER}/settings.json
Restart=on-failure
RestartSec=10

[Install]
WantedBy=multi-user.target
"""
SCRIPT = """\
#!/usr/bin/python3
# Lets this instance join {cluster}. Made by clusterbook update-cluster; it holds no secret.
import base64, json, os, subprocess, zlib
FILES = json.loads(zlib.decompress(base64.b64decode("{files}")))
os.makedirs("{folder}", mode=0o755, exist_ok=True)
for path, text in FILES.items():
    with open(path, "w") as file:
        file.write(text)
subprocess.run(["systemctl", "daemon-reload"], check=True)
subprocess.run(["systemctl", "enable", "--now", "--no-block", "clusterbook-join.service"], check=True)
"""


def user_data(cluster: str, group: str, place: Mapping[str, str], programs: Mapping[str, str]) -> str:
    """The script for workers of a group. place: see cluster.joining, with the public key; programs: name -> Python.

    Raises InvalidInput when EC2 would refuse its length.
    """
    settings = {**place, "cluster": cluster, "group": group}
    files = {
        **{f"{FOLDER}/{name}": text for name, text in programs.items()},
        f"{FOLDER}/settings.json": json.dumps(settings, sort_keys=True),
        "/etc/systemd/system/clusterbook-join.service": UNIT,
    }
    packed = base64.b64encode(zlib.compress(json.dumps(files, sort_keys=True).encode(), 9)).decode()
    script = SCRIPT.format(cluster=cluster, files=packed, folder=FOLDER)
    if len(script.encode()) > MOST_BYTES:
        raise InvalidInput(f"the user data of {group} has {len(script.encode())} bytes, EC2 takes {MOST_BYTES}",
                           next_step="Shorten the store's address.")  # fmt: skip
    return script
