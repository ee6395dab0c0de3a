"""The key of a store as a key of AWS KMS encrypted it: only who may use that one gets it back.

The encryption context names the address at which the store was made. KMS opens nothing under another context, writes it
into CloudTrail, and policies can name it. botocore asks again where AWS says that a moment later it would work
(throttling, KMSInternalException and others of status 500); any other answer is final.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError, PartialCredentialsError

from clusterbook.cluster.names import KMS_VARIABLE, WrongKey
from clusterbook.errors import InvalidInput

CONTEXT = "clusterbook:store"
SECONDS = 20
# The last is that of an answer without a word of AWS's: a proxy's, or an endpoint's.
DENIED = ("AccessDeniedException", "AccessDenied", "403")
_ID = r"(?:mrk-[0-9a-f-]{32,36}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_ALIAS = r"alias/[A-Za-z0-9/_-]{1,250}"
_NAME = re.compile(rf"{_ID}|{_ALIAS}|arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{{12}}:(?:key/{_ID}|{_ALIAS})")
_ARN = re.compile(r"arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):")


def seal(named: str, key: bytes, address: str, environment: Mapping[str, str]) -> tuple[str, bytes]:
    """The ARN of the KMS key that somebody named, and `key` encrypted by it. address: the store's."""
    kms = _Kms(named, environment)
    answer = kms.ask("encrypt", KeyId=named, Plaintext=key, EncryptionContext={CONTEXT: address})
    return str(answer["KeyId"]), bytes(answer["CiphertextBlob"])


def unseal(arn: str, sealed: bytes, address: str, environment: Mapping[str, str]) -> bytes:
    """The key again. arn: the KMS key that the keyring names, address: the store's when it was made.

    The person's own word for the KMS key comes before the keyring's: KMS refuses what another one encrypted. Without it
    a key of another account is not asked: who can write to the store could have put one of their own there.
    """
    named = environment.get(KMS_VARIABLE, "")
    kms = _Kms(named or arn, environment, _part(arn, "region"))
    if not named and kms.account() != _part(arn, "account"):
        raise WrongKey(
            f"the key of this store is encrypted by the KMS key {arn} of another account than yours, {kms.account()}",
            next_step=f"If you know that KMS key, set {KMS_VARIABLE} to it; if not, somebody exchanged keyring.json.",
        )
    answer = kms.ask("decrypt", KeyId=named or arn, CiphertextBlob=sealed, EncryptionContext={CONTEXT: address})
    return bytes(answer["Plaintext"])


def arn_of(named: str, environment: Mapping[str, str]) -> str:
    """The ARN of the KMS key that somebody named; KMS is asked where the name does not say it."""
    kms = _Kms(named, environment)
    return named if ":key/" in named else str(kms.ask("describe_key", KeyId=named)["KeyMetadata"]["Arn"])


class _Kms:
    """The way to one KMS key, with the credentials of boto3's own chain, and words for what can go wrong with it."""

    def __init__(self, named: str, environment: Mapping[str, str], region: str = "") -> None:
        """named: ARN, alias or id; region: where it is when its name does not say it."""
        if not _NAME.fullmatch(named):
            raise InvalidInput(
                f"{named!r} cannot be the name of a KMS key",
                next_step="Name its ARN, its id, or an alias of it: alias/NAME.",
            )
        self._named = named
        chosen = environment.get("AWS_DEFAULT_REGION") or environment.get("AWS_REGION")
        self._region = _part(named, "region") or region or chosen

    def ask(self, action: str, **arguments: Any) -> Any:
        """One request. WrongKey when KMS refuses it, or cannot be asked."""
        try:
            return getattr(self._client("kms"), action)(**arguments)
        except ClientError as error:
            raise self._refused(_permission(action), error) from error
        except BotoCoreError as error:
            raise self._unasked(_permission(action), error) from error

    def account(self) -> str:
        """The account of the credentials in use; AWS tells it everybody."""
        try:
            return str(self._client("sts").get_caller_identity()["Account"])
        except (ClientError, BotoCoreError) as error:
            raise self._unasked("sts:GetCallerIdentity", error) from error

    def _client(self, service: str) -> Any:
        settings = Config(connect_timeout=SECONDS, read_timeout=SECONDS, retries={"mode": "standard",
                                                                                  "max_attempts": 4})  # fmt: skip
        return boto3.client(service, region_name=self._region or None, config=settings)

    def _refused(self, action: str, error: ClientError) -> WrongKey:
        found = error.response.get("Error", {})
        code, text = str(found.get("Code", "")), str(found.get("Message", ""))
        if code in DENIED:
            return self._denied(action, text)
        known = _words(self._named, self._region or "", text)
        if code == "KMSInvalidStateException" and "pending deletion" in text:
            code = "PendingDeletion"
        unknown = (f"{action} with the KMS key {self._named}: {text} ({code})", "Do as AWS says, then try again.")
        message, step = known.get(code, unknown)
        return WrongKey(message, next_step=step)

    def _denied(self, action: str, text: str) -> WrongKey:
        owner, mine = _part(self._named, "account"), ""
        with contextlib.suppress(WrongKey):
            mine = self.account()
        message = f"{action} with the KMS key {self._named} is denied: {text}"
        if owner and mine and owner != mine:
            return WrongKey(
                f"{message}\nThe KMS key is of account {owner}, your credentials are of account {mine}.",
                next_step=f"Use credentials of account {owner}, or have its key's policy allow {action} to {mine}.",
            )
        step = f"Allow {action} on it for these credentials, as the policies of invoke iam do."
        if action == "kms:DescribeKey":
            step = "Name the KMS key by its whole ARN, or allow kms:DescribeKey for these credentials."
        return WrongKey(message, next_step=step)

    def _unasked(self, action: str, error: Exception) -> WrongKey | InvalidInput:
        if isinstance(error, NoRegionError):
            return InvalidInput(
                f"the region of the KMS key {self._named} is not known",
                next_step="Name the key by its whole ARN, or set AWS_DEFAULT_REGION.",
            )
        if isinstance(error, NoCredentialsError | PartialCredentialsError):
            return WrongKey(
                f"there are no AWS credentials for {action}, and the key of this store is encrypted by KMS",
                next_step="Set AWS_PROFILE, or log in as you do for the aws command.",
            )
        return WrongKey(f"{action}: AWS could not be asked: {error}", next_step="Check the network and the region.")


def _words(named: str, region: str, text: str) -> dict[str, tuple[str, str]]:
    """KMS's word for a refusal -> what it means, and what to do. text: what KMS says itself."""
    key, word = f"the KMS key {named}", named if "alias/" not in named else "ID"
    return {
        "NotFoundException": (
            f"there is no KMS key {named} in {region or 'this region'}: {text}",
            "Correct its name, or set AWS_DEFAULT_REGION to where it is.",
        ),
        "DisabledException": (f"{key} is disabled", f"Enable it: aws kms enable-key --key-id {word}"),
        "PendingDeletion": (
            f"{key} is pending deletion: once AWS has deleted it, nobody can open what it encrypted",
            f"Keep it: aws kms cancel-key-deletion --key-id {word}, then aws kms enable-key --key-id {word}",
        ),
        "IncorrectKeyException": (
            f"{key} is not the one that encrypted the key of this store",
            f"Set {KMS_VARIABLE} to that one, or unset it.",
        ),
        "InvalidCiphertextException": (
            "KMS cannot open the key of this store: keyring.json was damaged or exchanged",
            "Restore that file from a backup of the store.",
        ),
        "InvalidKeyUsageException": (
            f"{key} is not for encryption: it signs, or makes codes",
            "Name a symmetric KMS key for encryption and decryption.",
        ),
    }


def _permission(action: str) -> str:
    return f"kms:{''.join(word.capitalize() for word in action.split('_'))}"


def _part(arn: str, name: str) -> str:
    """A part of an ARN; '' for an id or an alias."""
    found = _ARN.match(arn)
    return found[name] if found else ""
