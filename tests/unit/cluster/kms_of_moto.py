"""moto's KMS made like AWS's where the store needs it: keys that are off, wrong ones, and those of other accounts."""

from __future__ import annotations

from typing import Any

import pytest
from moto.core.exceptions import JsonRESTError
from moto.kms.models import KmsBackend
from moto.kms.responses import KmsResponse

ANSWERS = {"Disabled": ("DisabledException", "{} is disabled."),
           "PendingDeletion": ("KMSInvalidStateException", "{} is pending deletion.")}  # fmt: skip


def correct(monkeypatch: pytest.MonkeyPatch) -> None:
    """moto uses keys that are off, says "denied" of a wrong one, and "not found" of another account's."""
    encrypt, decrypt, validate = KmsBackend.encrypt, KmsBackend.decrypt, KmsResponse._validate_key_id

    def usable(backend: Any, named: str) -> Any:
        found = backend.keys[backend.any_id_to_key_id(named)]
        if found.key_state in ANSWERS:
            code, text = ANSWERS[found.key_state]
            raise JsonRESTError(code, text.format(found.arn))
        return found

    def encrypted(self: Any, key_id: str, **given: Any) -> Any:
        usable(self, key_id)
        return encrypt(self, key_id=key_id, **given)

    def decrypted(self: Any, ciphertext_blob: bytes, encryption_context: Any, key_id: str) -> Any:
        asked = usable(self, key_id)
        answer = decrypt(self, ciphertext_blob, encryption_context)
        if answer[1] != asked.arn:
            raise JsonRESTError("IncorrectKeyException", "The key ID in the request does not identify it.")
        return answer

    def validated(self: Any, key_id: str) -> None:
        account = key_id.split(":")[4] if key_id.startswith("arn:") else self.current_account
        if account != self.current_account:
            raise JsonRESTError("AccessDeniedException", f"User: me is not authorized to use resource: {key_id}")
        validate(self, key_id)

    monkeypatch.setattr(KmsBackend, "encrypt", encrypted)
    monkeypatch.setattr(KmsBackend, "decrypt", decrypted)
    monkeypatch.setattr(KmsResponse, "_validate_key_id", validated)
