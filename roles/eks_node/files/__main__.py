"""Shows an EKS cluster who this node is: by the role of the instance, in a token of some minutes.

The kubelet starts `python3 -I FOLDER SETTINGS.json` when it needs one. With `registered` after it, it asks the API
whether it knows the node, and ends with 1 when not. Standard library alone, Python >= 3.9.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import ssl
import sys
import time
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import aws

CLUSTER = "x-k8s-aws-id"
PREFIX = "k8s-aws-v1."
# The signature is used at once; EKS takes a token for 15 minutes from when it was signed.
SIGNED_SECONDS, TOKEN_SECONDS = 60, 14 * 60


def main() -> int:
    """The exit status."""
    settings = json.loads(Path(sys.argv[1]).read_text())
    now = time.time()
    made = token(settings, aws.Metadata().keys(), now)
    if sys.argv[2:] == ["registered"]:
        return 0 if registered(settings, made) else 1
    json.dump(credential(made, now), sys.stdout)
    return 0


def token(settings: dict, keys: dict, now: float) -> str:
    """A request for one's own name that AWS's keys sign: who has it can ask AWS who we are, and nothing else."""
    url = signed(settings["sts"], settings["region"], settings["cluster"], keys, time.gmtime(now))
    return PREFIX + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def credential(made: str, now: float) -> dict:
    """What a kubeconfig's exec plugin prints."""
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + TOKEN_SECONDS))
    status = {"token": made, "expirationTimestamp": until}
    return {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}


def signed(sts: str, region: str, cluster: str, keys: dict, now: time.struct_time) -> str:
    """GetCallerIdentity with the signature in its address; it holds for that cluster alone."""
    host = urlsplit(sts).netloc
    scope = f"{time.strftime('%Y%m%d', now)}/{region}/sts/aws4_request"
    moment, names = time.strftime("%Y%m%dT%H%M%SZ", now), f"host;{CLUSTER}"
    asked = urlencode(sorted({
        "Action": "GetCallerIdentity", "Version": "2011-06-15", "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{keys['AccessKeyId']}/{scope}", "X-Amz-Date": moment,
        "X-Amz-Expires": str(SIGNED_SECONDS), "X-Amz-Security-Token": keys["Token"], "X-Amz-SignedHeaders": names,
    }.items()), quote_via=quote, safe="-_.~")
    lines = ["GET", "/", asked, f"host:{host}", f"{CLUSTER}:{cluster}", "", names, aws.NOTHING]
    request = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    key = aws.signing_key(keys["SecretAccessKey"], scope)
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, request])
    return f"{sts}?{asked}&X-Amz-Signature={hmac.new(key, text.encode(), hashlib.sha256).hexdigest()}"


def registered(settings: dict, made: str) -> bool:
    """Whether the API lets this node in and knows it. Says why not."""
    address = urlsplit(settings["server"])
    context = ssl.create_default_context(cafile=settings["authority"])
    connection = http.client.HTTPSConnection(address.hostname or "", address.port or 443, timeout=30, context=context)
    try:
        path = f"/api/v1/nodes/{quote(settings['node'], safe='')}"
        connection.request("GET", path, headers={"Authorization": f"Bearer {made}"})
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
    except OSError as error:
        sys.stderr.write(f"the API at {settings['server']} does not answer: {error}\n")
        return False
    finally:
        connection.close()
    if answer.status != 200:
        sys.stderr.write(f"the API answered {answer.status}: {text[:300]}\n")
    return answer.status == 200


if __name__ == "__main__":
    sys.exit(main())
