"""The few calls of the Kubernetes API that the approver makes, by its client certificate."""

from __future__ import annotations

from urllib.parse import quote

from kube_api import Api, ApiError

REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
SERVING, CLIENT = "kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client"
GONE, CONFLICT = 404, 409


class Requests(Api):
    """Requests for certificates, and the nodes that make them."""

    def requests(self) -> tuple[str, list]:
        """The version of the list, and all requests to the signers whose certificates the rules know."""
        answer = self.call("GET", REQUESTS)
        found = [item for item in answer["items"] if item["spec"]["signerName"] in (SERVING, CLIENT)]
        return answer["metadata"]["resourceVersion"], found

    def nodes(self) -> list:
        """All nodes."""
        items: list = self.call("GET", "/api/v1/nodes")["items"]
        return items

    def approve(self, item: dict) -> bool:
        """Approves a request. False when another approver was first."""
        condition = {
            "type": "Approved",
            "status": "True",
            "reason": "Rule",
            "message": "approved by clusterbook: by the rules of its approver",
        }
        body = {**item, "status": {"conditions": [condition]}}
        try:
            self.call("PUT", f"{REQUESTS}/{quote(item['metadata']['name'], safe='')}/approval", body)
        except ApiError as error:
            if error.status not in (GONE, CONFLICT):
                raise
            return False
        return True

    def wait_for_request(self, version: str, seconds: int) -> None:
        """Returns when a request comes or changes after this version, or after that time."""
        self.wait(f"{REQUESTS}?watch=1&timeoutSeconds={seconds}&resourceVersion={quote(version)}")
