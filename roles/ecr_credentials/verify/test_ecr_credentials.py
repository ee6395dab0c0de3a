"""The kubelet has a helper for images of ECR, which others cannot change."""

GROUPS = ("control_plane", "worker")
WHEN = "on_aws"


def test_the_helper_belongs_to_root_and_is_started_by_the_kubelet(host):
    helper = host.file("/usr/local/lib/credential-providers/ecr-credential-provider")
    assert (helper.user, helper.mode) == ("root", 0o755)
    line = host.check_output("tr '\\0' ' ' < /proc/$(pgrep --exact kubelet)/cmdline")
    assert "--image-credential-provider-config=/etc/kubernetes/ecr-credentials.yaml" in line


def test_the_configuration_is_closed_to_others(host):
    file = host.file("/etc/kubernetes/ecr-credentials.yaml")
    assert (file.user, file.mode) == ("root", 0o600)
