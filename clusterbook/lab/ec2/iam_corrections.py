"""IAM decides in the lab when somebody lets it (POST /moto-api/reset-auth, body 0): by users' and roles' policies.

moto then checks keys, signatures and actions. Here is what it needs beyond that for the lab's account to work. It knows
no conditions, and resources of S3 alone: those of other services are proved elsewhere (tests/unit/cli/test_iam.py).
"""

from __future__ import annotations

from typing import Any

from clusterbook.lab.ec2.lifecycle import KEYS

# IAM's names of what moto asks for by the names of requests.
S3_ACTIONS = {"s3:HeadBucket": "s3:ListBucket", "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock"}
S3 = ":s3:::"
BODILESS = ("GET", "DELETE")


def apply() -> None:
    """Change moto's classes in this process: that of the server alone."""
    _root()
    _unknown_resources()
    _conditions()
    _actions_of_s3()
    _signed_reads()


def _root() -> None:
    """The lab's own key is the account's: no policy limits it, as none limits AWS's root user."""
    from moto.core.authorization import ActionAuthenticatorMixin

    original = ActionAuthenticatorMixin._authenticate_and_authorize_action
    shown = f"Credential={KEYS['AWS_ACCESS_KEY_ID']}/"

    def decide(self: Any, *arguments: Any, **keywords: Any) -> None:
        if shown not in self.headers.get("Authorization", ""):
            original(self, *arguments, **keywords)

    setattr(ActionAuthenticatorMixin, "_authenticate_and_authorize_action", decide)  # noqa: B010 (replaced on purpose)


def _unknown_resources() -> None:
    """What a request is about moto knows of S3 alone (of IAM's it may take another one): elsewhere any will do."""
    from moto.iam.access_control import IAMPolicyStatement

    original = IAMPolicyStatement._check_element_matches

    def matches(self: Any, element: Any, value: str) -> bool:
        return (element == "Resource" and S3 not in value) or bool(original(self, element, value))

    setattr(IAMPolicyStatement, "_check_element_matches", matches)  # noqa: B010 (likewise)


def _conditions() -> None:
    """What a request says for conditions is not known to moto either, which takes them for broken."""
    from moto.iam.access_control import IAMPolicyStatement

    original = IAMPolicyStatement._check_conditions

    def holds(self: Any, known: dict[str, str] | None) -> bool:
        return (known is None and self._statement["Effect"] == "Allow") or original(self, known)

    setattr(IAMPolicyStatement, "_check_conditions", holds)  # noqa: B010 (likewise)


def _actions_of_s3() -> None:
    """Some requests to S3 are not called like the action that allows them."""
    from moto.iam.access_control import S3IAMRequest

    original = S3IAMRequest.check_action_permitted

    def check(self: Any, resource: str) -> None:
        self._action = S3_ACTIONS.get(self._action, self._action)
        original(self, resource)

    setattr(S3IAMRequest, "check_action_permitted", check)  # noqa: B010 (likewise)


def _signed_reads() -> None:
    """Some requests have no body: moto takes their query for one, and finds signatures of Route 53 wrong."""
    from moto.iam.access_control import IAMRequest

    original = IAMRequest._create_aws_request

    def signed(self: Any) -> Any:
        request = original(self)
        if self._method in BODILESS:
            request.data = b""
        return request

    setattr(IAMRequest, "_create_aws_request", signed)  # noqa: B010 (likewise)
