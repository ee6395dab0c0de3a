"""kubectl is on every node; the administrator's rights are on control planes, for root alone."""

GROUPS = ("control_plane", "worker")


def test_kubectl_is_the_version_that_was_wanted(host, variables):
    assert f"v{variables['kubernetes_version']}" in host.check_output("kubectl version --client")


def test_the_administrators_kubeconfig_is_on_control_planes_for_root_alone(host, subject):
    for path in ("/etc/kubernetes/admin.conf", "/etc/kubernetes/pki/admin.key"):
        file = host.file(path)
        if "control_plane" in subject.host.groups:
            assert (file.user, file.group, file.mode) == ("root", "root", 0o600)
        else:
            assert not file.exists


def test_root_of_a_control_plane_administers_the_cluster(host, subject):
    if "control_plane" in subject.host.groups:
        assert host.check_output("HOME=/root kubectl auth can-i '*' '*' --all-namespaces") == "yes"


def test_the_administrators_right_can_be_taken_away(host, subject):
    if "control_plane" in subject.host.groups:
        subject_line = host.check_output("openssl x509 -noout -subject -in /etc/kubernetes/pki/admin.crt")
        assert "clusterbook:cluster-admins" in subject_line
        assert "system:masters" not in subject_line
