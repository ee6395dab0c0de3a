"""A node of EKS has no credential for the API on its disk."""

GROUPS = ("worker",)
WHEN = "eks_endpoint is defined"


def test_the_kubelet_s_kubeconfig_is_closed_to_others_and_holds_no_credential(host):
    file = host.file("/etc/kubernetes/kubelet.conf")
    assert (file.user, file.mode) == ("root", 0o600)
    text = file.content_string
    assert "exec:" in text and not any(word in text for word in ("token:", "client-key", "password"))
