"""DNS of the cluster answers on every node."""

import pytest

GROUPS = ("control_plane", "worker")
# A name's address, asked with the standard library: a query of type A, the answer's last four bytes.
ASK = """
import socket, struct, sys
server, name = sys.argv[1:]
question = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + struct.pack(">BHH", 0, 1, 1)
line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
line.settimeout(2)
for attempt in range(5):
    line.sendto(struct.pack(">HHHHHH", 7, 256, 1, 0, 0, 0) + question, (server, 53))
    try:
        answer = line.recv(512)
    except TimeoutError:
        continue
    print(socket.inet_ntoa(answer[-4:]) if struct.unpack(">H", answer[6:8])[0] else "none")
    break
"""


@pytest.mark.parametrize("name", ["kubernetes.default.svc", "kube-dns.kube-system.svc"])
def test_a_service_has_its_address(host, variables, name):
    wanted = {
        "kubernetes.default.svc": variables["kubernetes_service_address"],
        "kube-dns.kube-system.svc": variables["cluster_dns_address"],
    }
    full = f"{name}.{variables['cluster_domain']}"
    assert host.check_output("python3 -c %s %s %s", ASK, variables["cluster_dns_address"], full) == wanted[name]


def test_a_name_that_is_not_there_has_none(host, variables):
    full = f"nobody.default.svc.{variables['cluster_domain']}"
    assert host.check_output("python3 -c %s %s %s", ASK, variables["cluster_dns_address"], full) == "none"
