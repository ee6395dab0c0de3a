"""The floor makes real certificates of its own from prepared ones."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bench.floor import prepare
from clusterbook.cluster import pki, signing
from clusterbook.cluster.signing import CertificateSubject, Issuer

SCRIPT = Path(prepare.__file__).parent / "certificates.sh"


def public(key: ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def test_a_prepared_certificate_is_made_anew_with_its_names_and_another_key(tmp_path: Path) -> None:
    early = datetime.now(UTC) - timedelta(days=5)
    authority_key, old_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes-ca")])
    authority = pki.make_certificate(name, authority_key, early, None)
    subject = CertificateSubject("kube-apiserver", dns_names=("kubernetes",), ip_addresses=("10.0.0.1",), days=1,
                                 usages=("server_auth",))  # fmt: skip
    old = signing.sign(Issuer("kubernetes-ca", authority, authority_key), public(old_key), subject, early)
    folder = tmp_path / "authorities"
    folder.mkdir()
    (folder / "cluster.crt").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    (folder / "cluster.key").write_text(prepare._pem(authority_key))
    (tmp_path / "a.crt").write_text(old)
    (tmp_path / "a.key").write_text(prepare._pem(old_key))
    subprocess.run(["sh", str(SCRIPT)], cwd=tmp_path, input="cluster a.crt a.key\n", text=True, check=True)
    made = x509.load_pem_x509_certificate((tmp_path / "a.crt").read_bytes())
    key = serialization.load_pem_private_key((tmp_path / "a.key").read_bytes(), None)
    made.verify_directly_issued_by(authority)
    assert made.public_key() == key.public_key() != old_key.public_key()
    assert made.not_valid_after_utc > datetime.now(UTC) + timedelta(days=300)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["kubernetes"]
    assert made.subject.rfc4514_string() == "CN=kube-apiserver"


def test_installed_packages_are_read_from_dpkgs_own_list(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("Package: a\nStatus: install ok installed\nDescription: x\n .\n Package: no\n\n"
                      "Package: b\nStatus: deinstall ok config-files\n")  # fmt: skip
    assert prepare._installed(status) == {"a"}
