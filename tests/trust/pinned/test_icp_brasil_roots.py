"""Roots of ICP-Brasil: only those whose fingerprints somebody has compared."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from asn1crypto import pem
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from signroom.domain.errors import BadCertificate, BadInput
from signroom.trust.pinned import icp_brasil_roots
from signroom.trust.pinned.icp_brasil_roots import NOT_FOR_DOCUMENTS, PINNED, keep_roots
from tests.trust.european.made_lists import holder

_ROOT, _OTHER, _LEAF = holder("Root", is_ca=True), holder("Other", is_ca=True), holder("Leaf")


def _digest(der: bytes) -> str:
    return hashlib.sha256(der).hexdigest()


def _zip(*contents: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for position, content in enumerate(contents):
            archive.writestr(f"{position}.crt", content)
    return made.getvalue()


def _p7b(ders: Sequence[bytes]) -> bytes:
    return pkcs7.serialize_certificates([x509.load_der_x509_certificate(der) for der in ders], Encoding.DER)


@pytest.fixture(autouse=True)
def _one_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(icp_brasil_roots, "PINNED", {_digest(_ROOT.der): "v0"})


def test_the_fingerprints_are_whole_and_those_for_other_uses_are_left_out() -> None:
    assert all(len(digest) == 64 for digest in (*PINNED, *NOT_FOR_DOCUMENTS))
    assert not PINNED.keys() & NOT_FOR_DOCUMENTS.keys()


@pytest.mark.parametrize(
    "content",
    [
        _ROOT.der,
        pem.armor("CERTIFICATE", _OTHER.der) + pem.armor("CERTIFICATE", _ROOT.der),
        _p7b([_OTHER.der, _ROOT.der]),
        pem.armor("PKCS7", _p7b([_ROOT.der])),
        _zip(_OTHER.der, pem.armor("CERTIFICATE", _ROOT.der)),
    ],
    ids=["DER", "PEM", "PKCS #7", "PKCS #7 in PEM", "ZIP"],
)
def test_only_the_known_root_is_kept(content: bytes, tmp_path: Path) -> None:
    kept = keep_roots(content, tmp_path / "icp-brasil")
    assert [certificate.der for certificate in kept] == [_ROOT.der]
    (file,) = (tmp_path / "icp-brasil").iterdir()
    assert file.name == "icp-brasil-v0.crt"


def test_another_one_is_kept_by_its_fingerprint(tmp_path: Path) -> None:
    written = ":".join(_digest(_OTHER.der).upper()[at : at + 2] for at in range(0, 64, 2))
    kept = keep_roots(_zip(_OTHER.der, _ROOT.der), tmp_path, [written])
    assert {certificate.der for certificate in kept} == {_OTHER.der, _ROOT.der}


@pytest.mark.parametrize(
    ("content", "fingerprints", "kind", "why"),
    [
        (_OTHER.der, [], BadInput, "no root of ICP-Brasil"),
        (_ROOT.der, ["ab"], BadInput, "64 hexadecimal"),
        (_ROOT.der, ["ab" * 32], BadInput, "no certificate with"),
        (_LEAF.der, [_digest(_LEAF.der)], BadInput, "not an authority"),
        (b"-----BEGIN nonsense", [], BadCertificate, "no certificate"),
        (b"PK\x03\x04 broken", [], BadCertificate, "archive"),
        (_zip(bytes(100_000)), [], BadCertificate, "too large"),
        (bytes(icp_brasil_roots.MAX_FILE + 1), [], BadCertificate, "MB"),
    ],
)
def test_what_is_no_such_file_changes_nothing(
    content: bytes, fingerprints: list[str], kind: type[Exception], why: str, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=why):
        keep_roots(content, tmp_path / "icp-brasil", fingerprints)
    assert not (tmp_path / "icp-brasil").exists()
