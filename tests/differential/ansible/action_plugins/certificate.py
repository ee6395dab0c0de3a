"""Stands in for the engine's certificate module when our playbooks run under ansible-playbook.

The key is made on the host; the public key is signed here by the cluster's authority in the store that
CLUSTERBOOK_STATE_STORE names. Everything in the certificate comes from the task's arguments.
"""

import base64
import datetime
import ipaddress
import os
import shlex

from ansible.plugins.action import ActionBase
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from clusterbook.cluster.cluster import open_cluster
from clusterbook.cluster.signing import CertificateSubject
from clusterbook.cluster.store import open_store

LOOK = """set -eu; umask 077
if [ ! -s {key} ]; then
  {make}
  openssl pkey -in {key} -pubout 2>/dev/null; echo key-made
else
  openssl pkey -in {key} -pubout; echo key-kept
fi
stat -c '%U %G %a' {key}
if [ -e {path} ]; then stat -c '%U %G %a' {path}; cat {path}; else echo none; fi
"""
MAKE = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {key}.new && mv {key}.new {key}"
WRITE = """set -eu; umask 077
{body}
chown {owner}:{group} {path} {key}; chmod {mode} {path}; chmod {key_mode} {key}
"""


class ActionModule(ActionBase):
    """certificate: a key on the host and a certificate of one of the cluster's authorities."""

    TRANSFERS_FILES = False

    def run(self, tmp=None, task_vars=None):
        """Looks, signs where the certificate does not fit, looks no further."""
        result = super().run(tmp, task_vars)
        wanted = self._wanted()
        paths = {"key": shlex.quote(wanted["key_path"]), "path": shlex.quote(wanted["path"])}
        make = MAKE.format(**paths) if not self._task.check_mode else "echo absent; exit 0"
        seen = self._low_level_execute_command(LOOK.format(make=make, **paths))
        if seen["rc"] != 0:
            return {**result, "failed": True, "msg": seen["stderr"]}
        if seen["stdout"].startswith("absent"):
            return {**result, "changed": True}
        state = _parse(seen["stdout"])
        signed = not _fits(state["certificate"], state["public_key"], wanted)
        modes = (
            f"{wanted['owner']} {wanted['group']} {int(wanted['key_mode'], 8):o}",
            f"{wanted['owner']} {wanted['group']} {int(wanted['mode'], 8):o}",
        )
        result["changed"] = signed or state["made"] or modes != (state["key_mode"], state["mode"])
        if result["changed"] and not self._task.check_mode:
            body = self._signed(state["public_key"], wanted, task_vars, paths["path"]) if signed else ""
            answer = self._low_level_execute_command(WRITE.format(body=body, **paths, **_quoted(wanted)))
            if answer["rc"] != 0:
                return {**result, "failed": True, "msg": answer["stderr"]}
        return result

    def _wanted(self):
        defaults = {
            "organizations": [],
            "dns_names": [],
            "ip_addresses": [],
            "usages": ["client_auth"],
            "owner": "root",
            "group": "root",
            "mode": "0644",
            "key_mode": "0600",
            "days": 365,
            "renew_before_days": 30,
        }
        return {**defaults, **self._task.args}

    def _signed(self, public_key, wanted, task_vars, path):
        name = self._templar.template(task_vars["cluster_name"])
        cluster = open_cluster(open_store(os.environ), str(name), os.environ)
        subject = CertificateSubject(
            str(wanted["common_name"]),
            tuple(str(item) for item in wanted["organizations"]),
            tuple(str(item) for item in wanted["dns_names"]),
            tuple(str(item) for item in wanted["ip_addresses"]),
            tuple(str(item) for item in wanted["usages"]),
            int(wanted["days"]),
        )
        pem = cluster.authorities.sign(str(wanted["authority"]), public_key, subject)
        encoded = base64.b64encode(pem.encode()).decode()
        return f"echo {encoded} | base64 -d > {path}.new; mv {path}.new {path}"


def _quoted(wanted):
    return {name: shlex.quote(str(wanted[name])) for name in ("owner", "group", "mode", "key_mode")}


def _parse(text):
    key, rest = text.split("-----END PUBLIC KEY-----", 1)
    public_key = key + "-----END PUBLIC KEY-----\n"
    lines = [line for line in rest.splitlines() if line]
    certificate = "\n".join(lines[3:]) + "\n" if lines[2] != "none" else None
    mode = lines[2] if certificate else None
    return {
        "public_key": public_key,
        "made": lines[0] == "key-made",
        "key_mode": lines[1],
        "mode": mode,
        "certificate": certificate,
    }


def _fits(pem, public_key, wanted):
    if pem is None:
        return False
    certificate = x509.load_pem_x509_certificate(pem.encode())
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    own_key = certificate.public_key().public_bytes(serialization.Encoding.PEM, spki).decode()
    left = certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    subject = certificate.subject
    names = [item.value for item in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    organizations = [item.value for item in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    dns_names, addresses = _alternative_names(certificate)
    return (
        own_key.split() == public_key.split()
        and left > datetime.timedelta(days=int(wanted["renew_before_days"]))
        and names == [wanted["common_name"]]
        and sorted(organizations) == sorted(wanted["organizations"])
        and dns_names == set(wanted["dns_names"])
        and addresses == {ipaddress.ip_address(str(item)) for item in wanted["ip_addresses"]}
    )


def _alternative_names(certificate):
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set(), set()
    return set(names.get_values_for_type(x509.DNSName)), set(names.get_values_for_type(x509.IPAddress))
