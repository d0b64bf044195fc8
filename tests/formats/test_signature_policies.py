"""Signatures that name their policy (EPES), judged by programs that we did not write."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asn1crypto import cms
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree  # type: ignore[import-untyped]

from signroom.domain.errors import BadInput, SignaturePolicyNotFound
from signroom.domain.level import Level
from signroom.domain.signature import (
    CertificateChain,
    CmsOptions,
    DigestAlgorithm,
    Indication,
    PdfOptions,
    SignatureType,
    TrustedChain,
    XmlOptions,
)
from signroom.domain.signature_policy import (
    SignaturePolicy,
    find_policy,
    known_policies,
    level_under,
    read_policies,
    require_new,
    stated_policy,
)
from signroom.formats import catalogue
from signroom.formats.cms.signed_data import signed_attributes
from signroom.formats.values import check_values
from tests.formats.conftest import ROOTS
from tests.harness.server import signature
from tests.pki import authority
from tests.verifiers import programs
from tests.verifiers import xml as xml_verifier
from tests.verifiers.cms import openssl_accepts

NOW = datetime.now(UTC).replace(microsecond=0)
CONTENT = b"I owe 1 EUR"
SIGNING_TIME = "1.2.840.113549.1.9.5"
ALWAYS = {
    "1.2.840.113549.1.9.3",  # content-type
    "1.2.840.113549.1.9.4",  # message-digest
    "1.2.840.113549.1.9.16.2.15",  # signature-policy-identifier
    "1.2.840.113549.1.9.16.2.47",  # signing-certificate-v2
}
Written = Callable[[str], Path]
IN_PDF, IN_CMS = (
    [one for one in known_policies() if one.signature_type is kind] for kind in (SignatureType.PDF, SignatureType.CMS)
)


def signed(file: Path, options: PdfOptions | CmsOptions | XmlOptions, output: Path) -> Path:
    leaf = authority.leaf("p256")
    chain = CertificateChain(leaf.certificate_der, (authority.root().certificate_der,))
    prepared = catalogue.prepare(
        file, options, TrustedChain(chain), algorithm=DigestAlgorithm.SHA256, now=NOW, data=None
    )
    value = check_values([prepared.claimed(signature(leaf.signing_key, prepared.to_sign))])[0]
    catalogue.embed(file, prepared, value, output)
    return output


def require_named(der: bytes, policy: SignaturePolicy, *, also: set[str]) -> None:
    """By `openssl asn1parse`, and by a reader of ours for what else is signed."""
    told = subprocess.run(["openssl", "asn1parse", "-inform", "DER"], input=der, capture_output=True, check=True).stdout
    text = told.decode()
    for wanted in ("id-smime-aa-ets-sigPolicyId", policy.oid, policy.digest.hex().upper(), policy.uri):
        assert wanted in text
    signer = cms.ContentInfo.load(der)["content"]["signer_infos"][0]
    names = [attribute["type"].dotted for attribute in signer["signed_attrs"]]
    assert set(names) == ALWAYS | also
    octets = [attribute.dump() for attribute in signer["signed_attrs"]]
    assert octets == sorted(octets)


@pytest.mark.parametrize("policy", IN_CMS, ids=lambda one: one.name)
@pytest.mark.parametrize("detached", [False, True])
def test_a_cms_signature_names_its_policy_and_holds(tmp_path: Path, policy: SignaturePolicy, detached: bool) -> None:
    file = tmp_path / "debt"
    file.write_bytes(CONTENT)
    output = signed(file, CmsOptions(detached=detached, signature_policy=policy.oid), tmp_path / "debt.p7s")

    root = authority.root().certificate.public_bytes(Encoding.PEM)
    assert openssl_accepts(output, root, file if detached else None) == CONTENT
    require_named(output.read_bytes(), policy, also={SIGNING_TIME})
    (verdict,) = catalogue.verify(output, SignatureType.CMS, data=file if detached else None).signatures
    assert verdict.indication is Indication.TOTAL_PASSED


@pytest.mark.parametrize("policy", IN_PDF, ids=lambda one: one.name)
def test_a_pdf_signature_names_its_policy_without_a_time_and_holds(
    written: Written, nss: Path, policy: SignaturePolicy
) -> None:
    file = written("plain")
    output = signed(file, PdfOptions(signature_policy=policy.oid), file.with_name("signed.pdf"))

    programs.require_accepted(output, nss, ROOTS)
    (contents,) = re.findall(rb"/Contents *<([0-9A-Fa-f]+)>", output.read_bytes())
    der = bytes.fromhex(contents.decode())
    require_named(cms.ContentInfo.load(der).dump(), policy, also=set())


def test_a_signature_that_names_none_is_as_before() -> None:
    certificate = authority.leaf("p256").certificate_der
    assert b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x0f" not in signed_attributes(certificate, bytes(32))


_OWN = b"""
[[policy]]
name = "ACME_v1"
oid = "1.2.3.4.5.6"
type = "Xml"
digest_algorithm = "SHA512"
digest = "%s"
uri = "https://acme.example/policy.xml"
level = "B-T"
source = "acme.example, 2026-11"
"""
OWN = _OWN % (b"5a" * 64)


def test_an_xml_signature_names_an_own_policy_and_holds(tmp_path: Path) -> None:
    (policy,) = read_policies(OWN)
    assert find_policy("acme_V1", SignatureType.XML, [policy]) is policy
    assert stated_policy(policy.stated, SignatureType.XML) == policy
    file = tmp_path / "invoice.xml"
    file.write_bytes(b'<a xmlns="urn:a"><b>1</b></a>')

    output = signed(file, XmlOptions(signature_policy=policy.stated), tmp_path / "signed.xml")

    xml_verifier.require_accepted(output, authority.root().certificate.public_bytes(Encoding.PEM))
    (verdict,) = catalogue.verify(output, SignatureType.XML, None).signatures
    assert verdict.indication is Indication.TOTAL_PASSED
    (found,) = catalogue.examine(output, None, (), None).signatures
    assert found.policy is not None
    assert (found.policy.oid, found.policy.uri) == (policy.oid, policy.uri)
    assert found.policy.digest is not None
    assert (found.policy.digest.algorithm, found.policy.digest.value) == ("SHA512", policy.digest)
    names = [one.tag.rpartition("}")[2] for one in etree.parse(output).find(".//{*}SignedSignatureProperties")]
    assert names == ["SigningTime", "SigningCertificateV2", "SignaturePolicyIdentifier"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b'digest = "5a', b'digest = "', "has 64 bytes"),
        (b"SHA512", b"SHA1", "SHA1"),
        (b"https://", b"file://", "address"),
        (b'"1.2.3.4.5.6"', b'"1.2.x"', "dotted OID"),
        (b"source", b"sources", "fields"),
        (b'"B-T"', b"7", "text"),
        (b"[[policy]]", b"[policy]", "tables"),
        (b"[[policy]]", b"\xff", "no TOML"),
    ],
)
def test_an_odd_file_of_policies_is_refused(old: bytes, new: bytes, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read_policies(OWN.replace(old, new, 1))


def test_two_of_a_name_known_ones_and_large_files_are_refused() -> None:
    with pytest.raises(BadInput, match="two policies"):
        read_policies(OWN * 2)
    with pytest.raises(BadInput, match="KB"):
        read_policies(b"#" * (1 << 20))
    known = read_policies(OWN.replace(b"1.2.3.4.5.6", known_policies()[0].oid.encode()))
    with pytest.raises(BadInput, match="two policies"):
        require_new(known)


def test_what_a_request_says_is_a_name_and_never_a_policy() -> None:
    (policy,) = read_policies(OWN)
    with pytest.raises(SignaturePolicyNotFound):
        find_policy(policy.stated, SignatureType.XML, [])


# -- the data --------------------------------------------------------------------------------------


def test_each_policy_has_a_source_and_values_of_the_right_form() -> None:
    assert len({one.oid for one in known_policies()}) == len({one.name for one in known_policies()}) == 7
    for one in known_policies():
        assert len(one.digest) == 32
        assert one.source
        assert one.uri.endswith(f"/{one.name}.der")


def test_a_policy_is_found_by_name_or_oid_for_its_type_alone() -> None:
    policy = find_policy("pa_pades_ad_rb_v1_3", SignatureType.PDF)
    assert find_policy(policy.oid, SignatureType.PDF) is policy
    for wanted, kind in ((policy.name, SignatureType.CMS), ("PA_AD_RB", SignatureType.CMS), ("1.2", SignatureType.XML)):
        with pytest.raises(SignaturePolicyNotFound):
            find_policy(wanted, kind)


def test_a_policy_with_a_timestamp_asks_for_its_level() -> None:
    policy = find_policy("PA_PAdES_AD_RT_v1_3", SignatureType.PDF)
    assert level_under(policy, None) is Level.B_T
    assert level_under(policy, Level.B_LTA) is Level.B_LTA
    with pytest.raises(BadInput):
        level_under(policy, Level.B_B)
    assert level_under(find_policy("PA_PAdES_AD_RB_v1_3", SignatureType.PDF), None) is None
