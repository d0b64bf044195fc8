"""XAdES signatures made here, judged by xmlsec1 and signxml."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree  # type: ignore[import-untyped]

from signroom.domain.errors import (
    BadCertificate,
    BrokenSignature,
    CertificateKeyNotSupported,
    InvalidXml,
    VerificationFailed,
    XmlElementNotFound,
    XmlSealed,
)
from signroom.domain.signature import (
    WHOLE_DOCUMENT,
    CertificateChain,
    CheckedValue,
    DigestAlgorithm,
    Indication,
    Inspection,
    SignatureType,
    TrustedChain,
    XmlInsertion,
    XmlLayout,
    XmlLocation,
    XmlOptions,
)
from signroom.formats.xml import xades
from signroom.formats.xml.reading import XmlDocument
from tests.formats.conftest import NOW, trusted
from tests.formats.xml.files import INVOICE, prepared, signed, value, written
from tests.pki import authority
from tests.verifiers import xml as xml_verifier

ROOT = authority.root_pem()
PLAIN = b'<a xmlns="urn:a"><b Id="b">text</b></a>'


def only_verdict(file: Path) -> Indication:
    (found,) = xades.verify(file).signatures
    return found.indication


@pytest.mark.parametrize("signer", ["rsa2048", "rsa4096", "p256", "p384", "p521"])
@pytest.mark.parametrize("algorithm", list(DigestAlgorithm))
def test_a_signature_is_accepted_by_xmlsec1_and_signxml(
    tmp_path: Path, signer: str, algorithm: DigestAlgorithm
) -> None:
    output = signed(written(tmp_path, PLAIN), signer, algorithm=algorithm)

    xml_verifier.require_accepted(output, ROOT)
    assert xml_verifier.signxml_accepts(output, ROOT)
    (verdict,) = xades.verify(output).signatures
    assert (verdict.indication, verdict.reason, verdict.covers_whole_file) == (Indication.TOTAL_PASSED, None, True)
    assert (verdict.certificate, verdict.signed_at) == (authority.leaf(signer).certificate_der, NOW)


def test_nothing_but_the_signature_is_added_to_the_file(tmp_path: Path) -> None:
    output = signed(written(tmp_path), "p256")

    content = output.read_bytes()
    start, end = content.index(b"<ds:Signature"), content.index(b"</ds:Signature>") + len(b"</ds:Signature>")
    assert content[:start] + content[end:] == INVOICE
    assert content[end:].startswith(b"</inv:invoice>")
    xml_verifier.require_accepted(output, ROOT)


@pytest.mark.parametrize("change", [(b"1 &lt; 2", b"1 &lt; 3"), (b"a.xsl", b"b.xsl"), (b"?after all", b"?after any")])
def test_a_change_of_the_document_is_found(tmp_path: Path, change: tuple[bytes, bytes]) -> None:
    output = signed(written(tmp_path), "p256")
    output.write_bytes(output.read_bytes().replace(*change))

    assert xml_verifier.xmlsec1(output, ROOT).valid is False
    (verdict,) = xades.verify(output).signatures
    assert (verdict.indication, verdict.reason) == (Indication.TOTAL_FAILED, "HASH_FAILURE")
    assert not verdict.covers_whole_file
    with pytest.raises(BrokenSignature):
        xades.inspect(output)


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (b"<xades:SigningTime>", "HASH_FAILURE"),
        (b"<xades:MimeType>", "HASH_FAILURE"),
        (b"<ds:DigestValue>", "HASH_FAILURE"),
        (b"<ds:SignatureValue Id=", "SIG_CRYPTO_FAILURE"),
    ],
)
def test_a_change_within_the_signature_is_found_by_all(tmp_path: Path, start: bytes, reason: str) -> None:
    output = signed(written(tmp_path, PLAIN), "rsa2048")
    content = bytearray(output.read_bytes())
    at = content.index(b">", content.index(start)) + 1
    content[at] = ord("2") if content[at] != ord("2") else ord("3")
    output.write_bytes(content)

    assert not xml_verifier.xmlsec1(output, ROOT).valid
    assert not xml_verifier.signxml_accepts(output, ROOT)
    assert xades.verify(output).signatures[0].reason == reason


def test_signers_side_by_side_all_stay_valid(tmp_path: Path) -> None:
    output = signed(signed(signed(written(tmp_path), "rsa2048"), "p256"), "p521")

    xml_verifier.require_accepted(output, ROOT, signatures=3)
    found = xades.verify(output).signatures
    assert {verdict.indication for verdict in found} == {Indication.TOTAL_PASSED}
    assert all(verdict.covers_whole_file for verdict in found)
    assert xades.inspect(output).signatures == 3

    output.write_bytes(output.read_bytes().replace(b"1 &lt; 2", b"1 &lt; 3"))
    assert {verdict.reason for verdict in xades.verify(output).signatures} == {"HASH_FAILURE"}


def test_a_file_is_looked_at(tmp_path: Path) -> None:
    assert xades.inspect(written(tmp_path)) == Inspection(SignatureType.XML, "application/xml", 0, 0)


def test_the_prepared_bytes_are_what_is_signed_in_place(tmp_path: Path) -> None:
    file = written(tmp_path)
    layout = prepared(file, "p256")
    output = tmp_path / "signed.xml"
    stored = xades.embed(file, layout, value(layout, "p256"), output)

    content = output.read_bytes()
    assert (stored.length, stored.sha256) == (len(content), hashlib.sha256(content).digest())
    assert layout.original_length == len(INVOICE)
    assert layout.layout_as(XmlLayout).options == WHOLE_DOCUMENT
    assert hashlib.sha256(xades.canonical(file)).digest() == layout.document_digest
    (info,) = etree.fromstring(content).iter(f"{{{xml_verifier.DS}}}SignedInfo")
    assert etree.tostring(info, method="c14n", exclusive=True) == layout.to_sign


def test_a_job_that_runs_twice_writes_the_same(tmp_path: Path) -> None:
    file = written(tmp_path)
    layout = prepared(file, "p256")
    made = value(layout, "p256")

    first = xades.embed(file, layout, made, tmp_path / "first.xml")
    assert xades.embed(file, layout, made, tmp_path / "second.xml") == first
    for wrong in (b"no DER", b"0\x06\x02\x01\xff\x02\x01\x01", made.value + b"x"):
        with pytest.raises(VerificationFailed):
            xades.embed(file, layout, CheckedValue(wrong), tmp_path / "never.xml")
    with pytest.raises(VerificationFailed):
        xades.embed(file, replace(layout, to_sign=layout.to_sign + b" "), made, tmp_path / "never.xml")
    assert not (tmp_path / "never.xml").exists()


@pytest.mark.parametrize("element", ["total", "first", "second", "third"])
def test_one_element_is_signed_by_its_id(tmp_path: Path, element: str) -> None:
    options = XmlOptions(element_id=element)
    output = signed(written(tmp_path), "p256", options)

    (verdict,) = xades.verify(output).signatures
    assert (verdict.indication, verdict.covers_whole_file) == (Indication.TOTAL_PASSED, False)
    if element == "total":
        xml_verifier.require_accepted(output, ROOT, id_elements=["urn:invoice:total"])
    # The rest of the document is free.
    output.write_bytes(output.read_bytes().replace(b"no comment", b"none").replace(b"a.xsl", b"b.xsl"))
    assert only_verdict(output) is Indication.TOTAL_PASSED
    output.write_bytes(output.read_bytes().replace(b"urn:default", b"urn:another").replace(b"urn:invoice", b"urn:i"))
    assert only_verdict(output) is Indication.TOTAL_FAILED


def test_two_sign_the_same_element_and_a_third_the_document(tmp_path: Path) -> None:
    options = XmlOptions(element_id="total")
    output = signed(signed(signed(written(tmp_path), "p256", options), "rsa2048", options), "p384")

    xml_verifier.require_accepted(output, ROOT, signatures=3, id_elements=["urn:invoice:total"])
    assert [v.covers_whole_file for v in xades.verify(output).signatures].count(True) == 1
    assert xades.verify(output).intact
    # Now the element is sealed by a signature of the whole, which does not mind signatures.
    assert xades.inspect(output, options).signatures == 3


def test_a_signature_beside_the_element_covers_what_is_in_it(tmp_path: Path) -> None:
    inside = XmlOptions(element_id="total")
    beside = XmlOptions(
        element_id="total",
        location=XmlLocation("//i:total", (("i", "urn:invoice"),), XmlInsertion.APPEND_SIBLING),
    )
    output = signed(signed(written(tmp_path), "p256", inside), "rsa2048", beside)

    xml_verifier.require_accepted(output, ROOT, signatures=2, id_elements=["urn:invoice:total"])
    assert b"filter2" not in prepared(output, "p384", beside).layout_as(XmlLayout).signature
    # A third one inside would change what the second has signed.
    with pytest.raises(XmlSealed):
        xades.inspect(output, inside)
    with pytest.raises(XmlSealed):
        prepared(output, "p384", inside)
    assert signed(output, "p384", beside).exists()


@pytest.mark.parametrize(
    ("insertion", "before", "after"),
    [
        (XmlInsertion.APPEND_CHILD, b'<deep><deeper xml:id="third"><inv:x b="2" a="1"/></deeper>', b"</deep>"),
        (XmlInsertion.PREPEND_CHILD, b"<deep>", b"<deeper xml:id"),
        (XmlInsertion.APPEND_SIBLING, b"</deeper></deep>", b"\r\n</inv:invoice>"),
        (XmlInsertion.PREPEND_SIBLING, b"<!-- no comment -->\r\n  ", b"<deep>"),
    ],
)
def test_the_signature_goes_where_the_xpath_says(
    tmp_path: Path, insertion: XmlInsertion, before: bytes, after: bytes
) -> None:
    location = XmlLocation("/i:invoice/d:deep", (("i", "urn:invoice"), ("d", "urn:default")), insertion)
    output = signed(written(tmp_path), "p256", XmlOptions(location=location))

    content = output.read_bytes()
    start, end = content.index(b"<ds:Signature"), content.index(b"</ds:Signature>") + len(b"</ds:Signature>")
    assert content[:start].endswith(before)
    assert content[end:].startswith(after)
    assert content[:start] + content[end:] == INVOICE
    xml_verifier.require_accepted(output, ROOT)
    assert only_verdict(output) is Indication.TOTAL_PASSED


@pytest.mark.parametrize("insertion", [XmlInsertion.APPEND_CHILD, XmlInsertion.PREPEND_CHILD])
def test_an_empty_element_is_opened_for_it(tmp_path: Path, insertion: XmlInsertion) -> None:
    location = XmlLocation("//d:item[@ID='first']", (("d", "urn:default"),), insertion)
    output = signed(written(tmp_path), "p256", XmlOptions(location=location))

    assert b"""<item ID="first" a="&quot;'"><ds:Signature""" in output.read_bytes()
    assert b"</ds:Signature></item><item" in output.read_bytes()
    xml_verifier.require_accepted(output, ROOT)
    assert only_verdict(signed(written(tmp_path, b"<a/>"), "p256")) is Indication.TOTAL_PASSED


@pytest.mark.parametrize(
    "xpath",
    [
        "//nothing",
        "//d:item",  # two of them
        "//d:item/@ID",
        "count(//*)",
        "//text()",
        "/comment()",
        "/",
        "//*[",
        "",
        "//u:unbound",
        "f()",
        "document('/etc/passwd')",
        "//*[.//*[.//*[.//*]]]",
        "//*//*//*//*",
        "/descendant::*/ancestor::*/descendant::*",
        "//*[i=//i]",
        "/*[*=*]",
        "(//*)[(//*)[1]]",
        "//d:deep/..",
        "/*" * 600,
    ],
)
def test_an_xpath_that_selects_no_single_element_is_refused(tmp_path: Path, xpath: str) -> None:
    options = XmlOptions(location=XmlLocation(xpath, (("d", "urn:default"),)))

    with pytest.raises(XmlElementNotFound):
        xades.inspect(written(tmp_path), options)


@pytest.mark.parametrize(
    "xpath",
    [
        "//d:item[@ID='first']",
        "/*[local-name()='invoice' and namespace-uri()='urn:invoice']/*[local-name()='deep']",
        "/i:invoice/d:item[2]",
        "//d:item[last()]",
        "//i:total[contains(@currency, 'BR')]",
        "(//d:item)[1]",
        "//*[@xml:id='third']/i:x",
        "//*[starts-with(., '1 <')][@Id]",
        "//d:deep[not(@x)]",
        "/child::*/child::d:deep",
        "/*/d:deep[d:deeper/i:x]",
    ],
)
def test_usual_xpaths_are_understood(tmp_path: Path, xpath: str) -> None:
    location = XmlLocation(xpath, (("d", "urn:default"), ("i", "urn:invoice")))

    assert xades.inspect(written(tmp_path), XmlOptions(location=location)).signatures == 0


def test_there_is_no_place_beside_the_root(tmp_path: Path) -> None:
    for insertion in (XmlInsertion.APPEND_SIBLING, XmlInsertion.PREPEND_SIBLING):
        with pytest.raises(XmlElementNotFound):
            xades.inspect(written(tmp_path), XmlOptions(location=XmlLocation("/*", (), insertion)))


def test_there_is_no_place_in_another_signature(tmp_path: Path) -> None:
    output = signed(written(tmp_path), "p256")
    location = XmlLocation("//*[local-name()='Object']", (), XmlInsertion.APPEND_CHILD)

    with pytest.raises(XmlElementNotFound):
        xades.inspect(output, XmlOptions(location=location))
    (name,) = xml_verifier.signature_ids(output)
    with pytest.raises(XmlElementNotFound):
        xades.inspect(output, XmlOptions(element_id=name))


@pytest.mark.parametrize("name", ["none", "twice", "", "a b", "x' or '1'='1", "#total", "x" * 2000])
def test_an_id_that_no_single_element_has_is_refused(tmp_path: Path, name: str) -> None:
    file = written(tmp_path, b'<a><b Id="twice"/><c xml:id="twice"/><d Id="a b"/><e id="#total"/></a>')

    with pytest.raises(XmlElementNotFound):
        xades.inspect(file, XmlOptions(element_id=name))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "iso-8859-1", "windows-1252"])
def test_an_encoding_is_kept(tmp_path: Path, encoding: str) -> None:
    declared = {"utf-8-sig": "UTF-8", "utf-16-be": "UTF-16"}.get(encoding, encoding)
    text = f'<?xml version="1.0" encoding="{declared}"?>\r\n<ação Id="é">preço: 10 £ à</ação>\r\n'
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    original = (mark + text).encode(encoding)
    file = written(tmp_path, original)
    output = signed(signed(file, "p256"), "rsa2048")

    assert output.read_bytes()[:60] == original[:60]
    assert output.read_bytes().decode(encoding).endswith("</ds:Signature></ação>\r\n")
    xml_verifier.require_accepted(output, ROOT, signatures=2)
    assert xades.verify(output).intact
    named = signed(file, "p256", XmlOptions(element_id="é"))
    assert only_verdict(named) is Indication.TOTAL_PASSED
    assert 'URI="#é"' in etree.tostring(etree.parse(str(named)), encoding="unicode")


@pytest.mark.parametrize("name", ["a--", "p:a--"])
def test_a_comment_that_ends_like_the_root_does_not_take_the_signature(tmp_path: Path, name: str) -> None:
    content = f'<{name} xmlns:p="urn:p"><b/></{name}><!-- </{name}>'.encode()
    output = signed(written(tmp_path, content), "p256")

    assert output.read_bytes().endswith(f"</ds:Signature></{name}><!-- </{name}>".encode())
    assert only_verdict(output) is Indication.TOTAL_PASSED
    xml_verifier.require_accepted(output, ROOT)


@pytest.mark.parametrize(("declared", "codec"), [("UTF-16LE", "utf-16-le"), ("UTF-16BE", "utf-16-be")])
def test_a_file_that_goes_on_in_another_encoding_is_refused(tmp_path: Path, declared: str, codec: str) -> None:
    """libxml2 reads it. Where its tags are cannot be told by its octets."""
    content = f'<?xml version="1.0" encoding="{declared}"'.encode() + "?><a><b>1</b></a>".encode(codec)
    assert XmlDocument(content).root.findtext("b") == "1"
    file = written(tmp_path, content)

    with pytest.raises(InvalidXml, match="encoding"):
        xades.inspect(file)


def test_another_file_than_the_prepared_one_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path)
    layout = prepared(file, "rsa2048")
    made = value(layout, "rsa2048")
    for other in (INVOICE.replace(b"BRL", b"EUR"), INVOICE + b"\n", b"<a/>"):
        file.write_bytes(other)
        with pytest.raises(InvalidXml):
            xades.embed(file, layout, made, tmp_path / "signed.xml")
    assert not (tmp_path / "signed.xml").exists()


def test_certificates_that_are_none_or_of_another_kind_are_refused(tmp_path: Path) -> None:
    file = written(tmp_path)
    good = authority.leaf("p256").certificate_der
    for chain in (CertificateChain(b"x"), CertificateChain(good, (b"x",)), CertificateChain(good[:-3])):
        with pytest.raises(BadCertificate):
            xades.prepare(file, TrustedChain(chain), DigestAlgorithm.SHA256, NOW)
    for name in ("ed25519", "p256k1"):
        with pytest.raises(CertificateKeyNotSupported):
            xades.prepare(file, trusted(name), DigestAlgorithm.SHA256, NOW)
