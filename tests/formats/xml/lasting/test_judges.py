"""XML files of levels B-T, B-LT and B-LTA, judged by programs that did not write them: the EU's DSS, xmlsec1, the
schemas of XMLDSIG and XAdES, and openssl for the tokens."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from lxml import etree  # type: ignore[import-untyped]
from signxml.processor import get_schema

from signroom.domain.augmentation import Augmentation, TimestampUse, ValidationData
from signroom.domain.level import Level
from signroom.domain.signature import WHOLE_DOCUMENT, Indication, XmlOptions
from signroom.formats.xml import format as xml
from tests.formats.xml.files import INVOICE
from tests.formats.xml.lasting.raising import (
    PLAIN,
    SHA256,
    archive,
    around,
    data_of,
    levels,
    prepared,
    put_in,
    reached,
    sign,
    step,
)
from tests.pki import authority, three_tiers
from tests.pki.three_tiers import NOW, YEAR
from tests.timestamps.openssl_tsa import is_good_token
from tests.vectors import foreign_xml
from tests.vectors.foreign_xml import ENVELOPED, EXCLUSIVE, by_xmlsec1, transformed
from tests.verifiers import xml as xml_verifier
from tests.verifiers.dss import Dss, running_dss

ROOT = x509.load_der_x509_certificate(three_tiers.root().der).public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True)
class Case:
    content: bytes
    options: XmlOptions = WHOLE_DOCUMENT
    by_dss: bool = True
    id_elements: tuple[str, ...] = ()


CASES = {
    "plain": Case(PLAIN),
    # Declarations above, comments and instructions around, CRLF, CDATA, a default namespace, xml:lang.
    "whatever XML has": Case(INVOICE),
    "an element": Case(INVOICE, XmlOptions(element_id="total"), id_elements=("urn:invoice:total",)),
    # DSS does not recognise UTF-16 as XML.
    "UTF-16": Case('<?xml version="1.0" encoding="UTF-16"?>\r\n<a é="ü">ß</a>'.encode("utf-16"), by_dss=False),
    "Latin-1": Case('<?xml version="1.0" encoding="ISO-8859-1"?>\n<ä é="ü">ß</ä>\n'.encode("latin-1")),
}


@pytest.fixture(scope="module")
def dss(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dss]:
    anchor = tmp_path_factory.mktemp("anchor") / "root.crt"
    anchor.write_bytes(three_tiers.root().der)
    with running_dss(anchor) as process:
        yield process


def require_level(dss: Dss, file: Path, level: str, signatures: int = 1, **how: Any) -> None:
    answer = dss.judge(file, **how)
    found = [(one["indication"], one["level"], one["errors"], one["structureValid"]) for one in answer["signatures"]]
    assert found == [("TOTAL_PASSED", f"XAdES-BASELINE-{level}", [], True)] * signatures, answer
    assert all(one["imprintIntact"] and one["signatureIntact"] for one in answer["timestamps"])


def require_valid_by_schema(file: Path) -> None:
    schema = get_schema("XAdES01903v141-201601.xsd")
    for signature in etree.parse(str(file)).iter(xml_verifier.SIGNATURE):
        schema.assertValid(signature)


def require_only_insertions(before: bytes, after: bytes) -> None:
    """One piece was put in; not another octet has changed."""
    start = next((n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), len(before))
    assert after.endswith(before[start:])


@pytest.mark.parametrize("case", list(CASES.values()), ids=list(CASES))
def test_each_level_is_accepted_by_every_judge(tmp_path: Path, dss: Dss, case: Case) -> None:
    file = tmp_path / "file.xml"
    file.write_bytes(case.content)
    value = sign(file, "p256", case.options)
    data = data_of("p256")
    judged = dss if case.by_dss else None

    require_good(file, judged, "T", case)
    for level, augmentation in (
        ("LT", Augmentation(None, data, value)),
        ("LTA", Augmentation(TimestampUse.ARCHIVE, data, value)),
    ):
        before = file.read_bytes()
        step(file, augmentation)
        require_only_insertions(before, file.read_bytes())
        require_good(file, judged, level, case)


@pytest.mark.parametrize("case", list(CASES.values()), ids=list(CASES))
def test_the_last_level_is_accepted_when_it_comes_in_one_step(tmp_path: Path, dss: Dss, case: Case) -> None:
    """As the service does it."""
    file = tmp_path / "file.xml"
    file.write_bytes(case.content)
    value = sign(file, "rsa2048", case.options)
    before = file.read_bytes()
    archive(file, value, data_of("rsa2048"))

    require_only_insertions(before, file.read_bytes())
    require_good(file, dss if case.by_dss else None, "LTA", case)


def require_good(file: Path, dss: Dss | None, level: str, case: Case) -> None:
    assert reached(file) == [Level(f"B-{level}")]
    assert [one.indication for one in xml.verify(file, None).signatures] == [Indication.TOTAL_PASSED]
    xml_verifier.require_accepted(file, ROOT, id_elements=case.id_elements)
    require_valid_by_schema(file)
    if dss is not None:
        require_level(dss, file, level, revocation=level != "T")


def test_signxml_accepts_each_level(tmp_path: Path) -> None:
    file = tmp_path / "file.xml"
    file.write_bytes(PLAIN)
    value = sign(file, "p256")
    assert xml_verifier.signxml_accepts(file, ROOT)
    archive(file, value, data_of("p256"))
    assert xml_verifier.signxml_accepts(file, ROOT)


def test_signers_side_by_side_are_raised_one_by_one(tmp_path: Path, dss: Dss) -> None:
    file = tmp_path / "file.xml"
    file.write_bytes(INVOICE)
    first, second = sign(file, "rsa2048"), sign(file, "p256", stamped=False)

    archive(file, first, data_of("rsa2048"))
    assert reached(file) == [Level.B_LTA, Level.B_B]
    step(file, Augmentation(TimestampUse.SIGNATURE, signature_value=second))
    archive(file, second, data_of("p256"))
    assert reached(file) == [Level.B_LTA, Level.B_LTA]
    # One more signer comes when the others have archive timestamps already.
    third = sign(file, "p384")
    assert reached(file) == [Level.B_LTA, Level.B_LTA, Level.B_T]
    archive(file, third, data_of("p384"))
    archive(file, first, data_of("rsa2048"))

    assert reached(file) == [Level.B_LTA] * 3
    xml_verifier.require_accepted(file, ROOT, signatures=3)
    require_valid_by_schema(file)
    require_level(dss, file, "LTA", signatures=3, revocation=True)


def test_a_file_stays_good_when_everybody_who_made_it_has_ended(tmp_path: Path, dss: Dss) -> None:
    file = tmp_path / "file.xml"
    file.write_bytes(INVOICE)
    value = sign(file, "p256")
    archive(file, value, data_of("p256"))
    # The signer and the authorities above have ended, the timestamp authority has not.
    require_level(dss, file, "LTA", revocation=True, at=NOW + 5.5 * YEAR)

    again = NOW + 5 * YEAR
    data = three_tiers.data_of_stamper(again, 0) + three_tiers.data_of_stamper(again, 1)
    step(file, Augmentation(TimestampUse.ARCHIVE, data, value), again, 1)
    assert reached(file) == [Level.B_LTA]
    require_level(dss, file, "LTA", revocation=True, at=NOW + 15 * YEAR)
    require_valid_by_schema(file)


def test_data_of_the_newest_authority_goes_behind_its_timestamp(tmp_path: Path, dss: Dss) -> None:
    file = tmp_path / "file.xml"
    file.write_bytes(PLAIN)
    value = sign(file, "p256")
    later = NOW + 5 * YEAR
    archive(file, value, data_of("p256"))
    step(file, Augmentation(TimestampUse.ARCHIVE, three_tiers.data_of_stamper(later), value), later, 1)
    step(file, Augmentation(None, three_tiers.data_of_stamper(later, 1), value))

    *_, stamp, data = etree.parse(str(file)).iter("{*}ArchiveTimeStamp", "{*}TimeStampValidationData")
    assert data.getprevious() is stamp
    assert data.get("URI") == f"#{stamp.get('Id')}"
    assert reached(file) == [Level.B_LTA]
    require_level(dss, file, "LTA", revocation=True, at=NOW + 15 * YEAR)


def test_openssl_accepts_the_tokens_for_what_is_in_the_file(tmp_path: Path) -> None:
    file, root = tmp_path / "file.xml", tmp_path / "root.pem"
    file.write_bytes(INVOICE)
    root.write_bytes(ROOT)
    layout, checked = prepared(file, "p256")
    token = three_tiers.stamp(xml.signature_imprint(layout, checked, SHA256))
    put_in(file, layout, checked, token)

    (value,) = etree.parse(str(file)).iter(f"{{{xml_verifier.DS}}}SignatureValue")
    octets = etree.tostring(value, method="c14n", exclusive=True)
    assert is_good_token(hashlib.sha256(octets).digest(), token, root, tmp_path)
    assert not is_good_token(hashlib.sha256(octets + b" ").digest(), token, root, tmp_path)


@pytest.mark.parametrize("transforms", [ENVELOPED, f'{ENVELOPED}<ds:Transform Algorithm="{EXCLUSIVE}"/>', ""])
def test_what_other_software_signed_is_raised_and_dss_computes_the_same(
    tmp_path: Path, dss: Dss, transforms: str
) -> None:
    """References that end in a set of nodes take the canonical form of the timestamp; those in octets keep theirs."""
    uri = "" if ENVELOPED in transforms else "#sig-content"
    objects = "" if uri == "" else '<ds:Object Id="sig-content"><u:x xmlns:u="urn:u">é</u:x></ds:Object>'
    template = foreign_xml.signature(reference=transformed(uri, transforms), objects=objects)
    file = by_xmlsec1(tmp_path, around(template))
    data = ValidationData(lists=(three_tiers.revocation_list(three_tiers.root(), NOW),))
    step(file, Augmentation(TimestampUse.SIGNATURE))
    step(file, Augmentation(TimestampUse.ARCHIVE, data))

    reached(file)
    anchor = tmp_path / "root.crt"
    anchor.write_bytes(authority.root_der())
    answer = dss.judge(file, anchor=anchor)
    assert [(one["type"], one["imprintIntact"]) for one in answer["timestamps"]] == [
        ("SIGNATURE_TIMESTAMP", True),
        ("ARCHIVE_TIMESTAMP", True),
    ]
    assert answer["signatures"][0]["signatureValid"] is True


TAMPERED = {
    "the content": (b"1 &lt; 2", b"1 &lt; 3"),
    "the signing time": (b"<xades:SigningTime>2", b"<xades:SigningTime>3"),
    "a value of the data": (b"<xades:EncapsulatedOCSPValue>M", b"<xades:EncapsulatedOCSPValue>N"),
    "the order of the data": (b"CertificateValues", b"AttrAuthoritiesCertValues"),
    "the key info": (b"<ds:X509Certificate>", b"<ds:X509Certificate> "),
    "the Id of the value": (b'-sigvalue"', b'-sigvalux"'),
    "the Id of the signature timestamp": (b'-sigtst"', b'-sigtsu"'),
}


@pytest.mark.parametrize("change", list(TAMPERED.values()), ids=list(TAMPERED))
def test_a_change_of_what_an_archive_timestamp_covers_is_found(
    tmp_path: Path, dss: Dss, change: tuple[bytes, bytes]
) -> None:
    file = tmp_path / "file.xml"
    file.write_bytes(INVOICE)
    value = sign(file, "p256")
    archive(file, value, data_of("p256"))
    assert change[0] in file.read_bytes()
    file.write_bytes(file.read_bytes().replace(*change))

    (one,) = levels(file).signatures
    assert [stamp.intact for stamp in one.timestamps if stamp.use is TimestampUse.ARCHIVE] == [False]
    answer = dss.judge(file, revocation=True)
    assert [stamp["imprintIntact"] for stamp in answer["timestamps"]][-1] is False


def test_the_pieces_are_where_they_belong(tmp_path: Path) -> None:
    file = tmp_path / "file.xml"
    file.write_bytes(PLAIN)
    value = sign(file, "p256")
    archive(file, value, data_of("p256"))

    (holder,) = etree.parse(str(file)).iter("{*}UnsignedSignatureProperties")
    names = [etree.QName(each).localname for each in holder]
    assert names == [
        "SignatureTimeStamp",
        "TimeStampValidationData",
        "CertificateValues",
        "RevocationValues",
        "ArchiveTimeStamp",
    ]
    assert holder[1].get("URI") == f"#{holder[0].get('Id')}"
    # What is in ds:KeyInfo or in the token is not there a second time.
    given = list(etree.parse(str(file)).iter("{*}X509Certificate", "{*}EncapsulatedX509Certificate"))
    assert len({each.text for each in given}) == len(given)
    assert not list(holder[1].iter("{*}EncapsulatedX509Certificate"))


def test_the_same_step_writes_the_same(tmp_path: Path) -> None:
    file = tmp_path / "file.xml"
    file.write_bytes(PLAIN)
    value = sign(file, "p256")
    before = file.read_bytes()
    laid_out = xml.lay_out_augmentation(
        file, Augmentation(TimestampUse.ARCHIVE, data_of("p256"), value), now=NOW, data=None, reading=None
    )
    assert file.read_bytes() == before
    assert laid_out.imprint is not None
    token = three_tiers.stamp(laid_out.imprint)
    written = []
    for _ in range(2):
        file.write_bytes(before)
        xml.augment(file, laid_out, token=token, data=None, reading=None)
        written.append(file.read_bytes())
    assert written[0] == written[1]
