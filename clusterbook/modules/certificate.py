"""Certificates of the cluster's authorities: the private key is made on the host and never leaves it.

Only the public key goes to the local machine, which signs it for the subject, names and usages that the compiled play
says. A certificate is renewed when those differ, when its key or authority is another, or when it ends soon. One that
was made before a time that the step names is made anew with a new key.
"""

from __future__ import annotations

import ipaddress
import time
from typing import Any, Dict, List, Optional, Tuple

from clusterbook.modules import x509
from clusterbook.modules.contract import Arguments, Change, ModuleFailed, Parameter, State
from clusterbook.modules.ownership import attribute_changes, new_attributes, path_state, path_values
from clusterbook.modules.system import System
from clusterbook.modules.system.files import Attributes
from clusterbook.modules.transfer import need_directory

NAME = "certificate"
KIND = "state"
SUBJECT = "path"
DESCRIPTION = "A private key made on the host and its certificate, signed by an authority of the cluster."
PARAMETERS = {
    "path": Parameter("path", "File of the certificate.", required=True),
    "key_path": Parameter("path", "File of the private key.", required=True),
    "authority": Parameter("str", "Who signs.", required=True, choices=("cluster", "etcd", "front_proxy")),
    "common_name": Parameter("str", "Whom it names.", required=True),
    "organizations": Parameter("list", "Groups that it names.", default=[], elements="str"),
    "dns_names": Parameter("list", "Names of the server.", default=[], elements="str"),
    "ip_addresses": Parameter("list", "Addresses of the server.", default=[], elements="str"),
    "usages": Parameter("list", "What it is for.", required=True, elements="str",
                        choices=("server_auth", "client_auth")),
    "owner": Parameter("str", "User that owns both files.", default="root"),
    "group": Parameter("str", "Group that owns both files.", default="root"),
    "mode": Parameter("raw", "Mode of the certificate.", default="0644"),
    "key_mode": Parameter("raw", "Mode of the private key.", default="0600"),
    "days": Parameter("int", "Days that a new certificate is valid.", default=365),
    "renew_before_days": Parameter("int", "Days before its end at which it is renewed.", default=30),
    "issued_after": Parameter("int", "Seconds since 1970: one that was made before is made anew, with a new key.",
                              default=0),
}
DAY = 86400
# The cluster's authorities date certificates back, for hosts whose clocks differ.
BACKDATED = 300
LISTS = ("organizations", "dns_names", "ip_addresses", "usages")


def observe(arguments: Arguments, system: System) -> State:
    """Both files and what the certificate says.

    `_authority_certificate` is PEM text with a certificate of each who may sign for the authority.
    """
    state: State = {"now": time.time(), "authorities": ()}
    for name, mode in (("path", "mode"), ("key_path", "key_mode")):
        path = arguments[name]
        found = system.files.stat(path, True)
        if found is None:
            need_directory(path, system)
        state[name] = path_state(path, arguments, system, found, mode=arguments[mode])
    state["certificate"], state["problem"] = read_certificate(arguments, state, system)
    state["key"] = read_key(arguments, state, system)
    authority = arguments.get("_authority_certificate")
    if authority:
        state["authorities"] = x509.parse_all(authority)
    return state


def read_certificate(arguments: Arguments, state: State, system: System) -> "tuple[Optional[x509.Certificate], str]":
    """The certificate, or why there is none."""
    if state["path"]["kind"] == "absent":
        return None, "absent"
    try:
        return x509.parse(system.files.read(arguments["path"]).decode("ascii", "replace")), ""
    except (ValueError, IndexError, KeyError):
        return None, "not a certificate"


def read_key(arguments: Arguments, state: State, system: System) -> Optional[bytes]:
    """The public part of the private key, None when there is no usable one."""
    if state["key_path"]["kind"] == "absent":
        return None
    try:
        return x509.private_key_bits(system.files.read(arguments["key_path"]).decode("ascii", "replace"))
    except (ValueError, IndexError, KeyError):
        return None


def wanted_values(arguments: Arguments) -> Dict[str, Any]:
    """The lists of the arguments in the order and form in which a certificate is read."""
    wanted = {name: tuple(sorted(set(arguments[name]))) for name in LISTS}
    wanted["ip_addresses"] = tuple(sorted({str(ipaddress.ip_address(item)) for item in arguments["ip_addresses"]}))
    return wanted


def diff(arguments: Arguments, state: State) -> List[Change]:
    """Why the certificate is renewed, and the files' attributes."""
    changes = renewal(arguments, state)
    for name in ("path", "key_path"):
        item = state[name]
        own = attribute_changes(arguments, item) if item["kind"] != "absent" else new_attributes(arguments, item)
        changes += [Change(f"{item['path']} {change.what}", change.before, change.after) for change in own]
    return changes


def renewal(arguments: Arguments, state: State) -> List[Change]:
    """What makes a new certificate necessary."""
    certificate: Optional[x509.Certificate] = state["certificate"]
    changes = []
    if state["key"] is None:
        found_key = None if state["key_path"]["kind"] == "absent" else "unusable"
        changes.append(Change("private key", found_key, "made on the host"))
    if certificate is None:
        return [*changes, Change("certificate", None if state["problem"] == "absent" else state["problem"],
                                 f"for {arguments['common_name']}, signed by {arguments['authority']}")]
    if certificate.common_name != arguments["common_name"]:
        changes.append(Change("common name", certificate.common_name, arguments["common_name"]))
    for name, wanted in wanted_values(arguments).items():
        found = tuple(sorted(getattr(certificate, name)))
        if found != wanted:
            changes.append(Change(name.replace("_", " "), ", ".join(found), ", ".join(wanted)))
    if rotated(arguments, state):
        made, wanted_time = certificate.not_before + BACKDATED, arguments["issued_after"]
        changes.append(Change("made with its key", moment(made), f"after {moment(wanted_time)}"))
    if state["key"] is not None and state["key"] != x509.public_bits(certificate.key):
        changes.append(Change("certificate's key", "of another private key", "of the private key on the host"))
    signers: Tuple[x509.Certificate, ...] = state["authorities"]
    who = (certificate.issuer, certificate.authority_key)
    if signers and who not in [(each.subject, each.subject_key) for each in signers]:
        changes.append(Change("authority", certificate.authority_key, signers[0].subject_key))
    return changes + expiry(arguments, certificate, state["now"])


def expiry(arguments: Arguments, certificate: x509.Certificate, now: float) -> List[Change]:
    """Whether it ends soon. renew_before_days counts for at most half of the certificate's life."""
    before = min(arguments["renew_before_days"] * DAY, (certificate.not_after - certificate.not_before) // 2)
    if now < certificate.not_after - before:
        return []
    ends = time.strftime("%Y-%m-%d", time.gmtime(certificate.not_after))
    return [Change("valid until", ends, time.strftime("%Y-%m-%d", time.gmtime(now + arguments["days"] * DAY)))]


def rotated(arguments: Arguments, state: State) -> bool:
    """Whether it is too old for `issued_after`, so that its key goes, too."""
    certificate: Optional[x509.Certificate] = state["certificate"]
    return certificate is not None and certificate.not_before + BACKDATED < arguments["issued_after"]


def moment(seconds: float) -> str:
    """A time for people, UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))


def apply(arguments: Arguments, state: State, system: System) -> None:
    """Make the key where there is none, have it signed, write both; the key is in place before the certificate."""
    if not renewal(arguments, state):
        for name in ("path", "key_path"):
            system.files.attributes(arguments[name], state[name]["wanted"])
        return
    if system.predicting:
        for name in ("path", "key_path"):
            system.files.write(arguments[name], lambda: iter(()), state[name]["wanted"])
        return
    fresh = state["key"] is None or rotated(arguments, state)
    key = make_key(system) if fresh else system.files.read(arguments["key_path"])
    certificate = system.sign(public_key(key, system))
    check_answer(certificate, key)
    if fresh:
        system.files.write(arguments["key_path"], key, state["key_path"]["wanted"])
    else:
        system.files.attributes(arguments["key_path"], state["key_path"]["wanted"])
    system.files.write(arguments["path"], certificate.encode(), keep_mode(state["path"]["wanted"]))


def keep_mode(wanted: Attributes) -> Attributes:
    """The attributes for the certificate, readable by all unless something else is asked for."""
    return Attributes(wanted.uid, wanted.gid, 0o644 if wanted.mode is None else wanted.mode)


def make_key(system: System) -> bytes:
    """A new EC P-256 key; it passes through memory only until it is written 0600."""
    done = system.query(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])
    if done.returncode:
        raise ModuleFailed(f"openssl cannot make a key: {done.stderr.strip()}", {"rc": done.returncode},
                           "Install package openssl on the host in an earlier step.")
    return done.stdout.encode()


def public_key(key: bytes, system: System) -> str:
    """The public part as PEM."""
    done = system.query(["openssl", "pkey", "-pubout"], stdin=key.decode())
    if done.returncode:
        raise ModuleFailed(f"openssl cannot read the private key: {done.stderr.strip()}", {"rc": done.returncode})
    return done.stdout


def check_answer(certificate: str, key: bytes) -> None:
    """The certificate that came back must be for the key that was sent."""
    try:
        parsed = x509.parse(certificate)
    except (ValueError, IndexError, KeyError):
        raise ModuleFailed("the local machine's answer is not a certificate") from None
    if x509.public_bits(parsed.key) != x509.private_key_bits(key.decode()):
        raise ModuleFailed("the local machine signed another key than the one sent")


def returns(arguments: Arguments, before: State, after: State) -> Dict[str, Any]:
    """Path, key path, and until when it is valid."""
    values = {**path_values(after["path"]), "path": arguments["path"], "key_path": arguments["key_path"]}
    values["renewed"] = bool(renewal(arguments, before))
    certificate: Optional[x509.Certificate] = after["certificate"]
    if certificate is not None:
        values["not_after"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(certificate.not_after))
    return values
