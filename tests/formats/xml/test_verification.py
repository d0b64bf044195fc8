"""Strangers' XML: what others signed is understood, what was forged is found, and what is hostile is refused."""

from __future__ import annotations

import base64
import hashlib
import random
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree  # type: ignore[import-untyped]

from signroom.domain.errors import BrokenSignature, EmptyFile, InvalidXml, NotSigned, Refused, XmlSealed, XmlTooComplex
from signroom.domain.examination import ExaminedSignature, SignaturePolicy, XmlElement
from signroom.domain.signature import DigestAlgorithm, DigestValue, Indication, SignatureType, XmlOptions
from signroom.domain.validation import Check, Outcome
from signroom.formats.xml import xades
from tests.formats.conftest import NOW, trusted
from tests.formats.xml.files import signed, written
from tests.pki import authority
from tests.vectors import foreign_xml
from tests.vectors.foreign_xml import ENVELOPED, EXCLUSIVE, INCLUSIVE, INCLUSIVE_1_1, by_xmlsec1, transformed
from tests.verifiers import xml as xml_verifier

ROOT = authority.root_pem()
DS = xml_verifier.DS
PARTS = ["urn:invoice:part"]
PASSED, FAILED, UNKNOWN = Indication.TOTAL_PASSED, Indication.TOTAL_FAILED, Indication.INDETERMINATE
CORE = Check.XML_DSIG_CORE_VALIDATION_FAILED

XPATH = (
    '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116">'
    "<ds:XPath>not(ancestor-or-self::ds:Signature)</ds:XPath></ds:Transform>"
)
PREFIXES = (
    f'<ds:Transform Algorithm="{EXCLUSIVE}"><ec:InclusiveNamespaces xmlns:ec="{EXCLUSIVE}" '
    'PrefixList="unused i"/></ds:Transform>'
)


def around(signature: str, *, element: str = "") -> str:
    """A document with namespaces and xml:lang above the signature."""
    return (
        '<?xml version="1.0"?>\n<?pi p?><!-- c --><i:invoice xmlns:i="urn:invoice" xmlns="urn:default" '
        'xmlns:unused="urn:unused" xml:lang="pt" xml:space="preserve"><!-- c --><i:part Id="part" b="2" a="1">1 &lt; 2 '
        f"<x/>{element}</i:part><deep xml:lang=\"en\" other='o'>{signature}</deep></i:invoice>"
    )


def verdict(file: Path) -> tuple[Indication, str | None]:
    (found,) = xades.verify(file).signatures
    return found.indication, found.reason


def only(file: Path) -> ExaminedSignature:
    found = xades.examine(file)
    assert found.signature_type is SignatureType.XML
    (one,) = found.signatures
    return one


def checks(signature: ExaminedSignature, outcome: Outcome) -> list[Check]:
    return [item.check for item in signature.results.with_outcome(outcome)]


@pytest.mark.parametrize("canonicalization", [INCLUSIVE, INCLUSIVE_1_1, EXCLUSIVE, f"{INCLUSIVE}#WithComments"])
@pytest.mark.parametrize(
    ("uri", "transforms"),
    [
        ("", ENVELOPED),
        ("", ENVELOPED + f'<ds:Transform Algorithm="{EXCLUSIVE}"/>'),
        ("", ENVELOPED + f'<ds:Transform Algorithm="{INCLUSIVE}#WithComments"/>'),
        ("", XPATH),
        ("", XPATH + PREFIXES),
        ("#part", ""),
        ("#part", f'<ds:Transform Algorithm="{INCLUSIVE_1_1}"/>'),
        ("#part", PREFIXES),
        ("#part", ENVELOPED + f'<ds:Transform Algorithm="{EXCLUSIVE}"/>'),
    ],
)
def test_what_xmlsec1_signs_is_understood(tmp_path: Path, canonicalization: str, uri: str, transforms: str) -> None:
    method = f'<ds:CanonicalizationMethod Algorithm="{canonicalization}"/>'
    template = foreign_xml.signature(reference=transformed(uri, transforms), canonicalization=method)
    file = by_xmlsec1(tmp_path, around(template.replace("<ds:SignedInfo>", "<ds:SignedInfo><!-- c -->")))
    xml_verifier.require_accepted(file, ROOT, id_elements=PARTS)

    one = only(file)

    assert (one.verdict.indication, one.verdict.reason) == (PASSED, None)
    assert one.verdict.covers_whole_file is (uri == "")
    assert one.verdict.signed_at == datetime(2024, 3, 1, 2, 59, 59, 123456, UTC)
    assert one.results.valid
    expected = XmlElement("part", "urn:invoice", (("Id", "part", None), ("b", "2", None), ("a", "1", None)))
    assert one.xml_element == (None if uri == "" else expected)
    file.write_bytes(file.read_bytes().replace(b"1 &lt; 2", b"1 &lt; 3"))
    assert verdict(file) == (FAILED, "HASH_FAILURE")


def test_an_enveloping_signature_is_understood(tmp_path: Path) -> None:
    held = '<ds:Object Id="held"><a xmlns="">text</a></ds:Object>'
    file = by_xmlsec1(tmp_path, foreign_xml.signature(reference=transformed("#held", ""), objects=held))
    xml_verifier.require_accepted(file, ROOT)

    one = only(file)

    assert (one.verdict.indication, one.verdict.covers_whole_file) == (PASSED, False)
    assert one.xml_element == XmlElement("Object", DS, (("Id", "held", None),))
    assert not xades.verify(file).signatures[0].covers_whole_file
    # There is nothing in it that could be signed.
    with pytest.raises(Refused):
        xades.inspect(file)


def test_base64_content_is_understood(tmp_path: Path) -> None:
    held = f'<ds:Object Id="held" Encoding="{DS}base64">AAECAw==</ds:Object>'
    reference = transformed("#held", f'<ds:Transform Algorithm="{DS}base64"/>')
    file = by_xmlsec1(tmp_path, foreign_xml.signature(reference=reference, objects=held))

    assert verdict(file) == (PASSED, None)
    file.write_bytes(file.read_bytes().replace(b"AAECAw==", b"AAECBA=="))
    assert verdict(file) == (FAILED, "HASH_FAILURE")


def test_a_policy_is_read(tmp_path: Path) -> None:
    properties = foreign_xml.qualifying("rsa2048", foreign_xml.POLICY)
    template = foreign_xml.signature(reference=transformed("", ENVELOPED), properties=properties)

    one = only(by_xmlsec1(tmp_path, around(template)))

    assert one.policy == SignaturePolicy(
        "2.16.76.1.7.1.6.2.3", "http://politicas.example/PA.xml", DigestValue("SHA256", b"\0\1\2")
    )


def test_our_own_signature_shows_its_facts(tmp_path: Path) -> None:
    output = signed(written(tmp_path), "p384", algorithm=DigestAlgorithm.SHA384)

    one = only(output)

    assert one.signature_algorithm == "SHA384WithECDSA"
    assert one.message_digest is not None
    assert one.message_digest.algorithm == "SHA384"
    assert one.issuers == (authority.root_der(),)
    assert (len(one.value), one.policy, one.xml_element, one.is_xml) == (96, None, None, True)
    assert checks(one, Outcome.PASSED) == [
        Check.MESSAGE_DIGEST_MISMATCH,
        Check.SIGNATURE_ALGORITHM_VALIDATION_FAILED,
        CORE,
        Check.SIGNING_CERTIFICATE_DIGEST_MISMATCH,
    ]


def test_an_outdated_digest_is_neither_passed_nor_failed_and_may_be_signed_over(tmp_path: Path) -> None:
    reference = transformed("", XPATH, foreign_xml.SHA1)
    file = by_xmlsec1(tmp_path, around(foreign_xml.signature(reference=reference, method=foreign_xml.RSA_SHA1)))

    one = only(file)

    assert one.verdict.indication is UNKNOWN
    assert checks(one, Outcome.WARNING) == [Check.ALGORITHM_NOT_ALLOWED]
    assert one.results.valid
    assert xades.inspect(file).signatures == 1
    assert [v.indication for v in xades.verify(signed(file, "p256")).signatures] == [UNKNOWN, PASSED]


def test_a_short_key_is_neither_passed_nor_failed(tmp_path: Path) -> None:
    template = foreign_xml.signature(reference=transformed("", ENVELOPED), signer="rsa1024")
    found, reason = verdict(by_xmlsec1(tmp_path, around(template), "rsa1024"))

    assert found is UNKNOWN
    assert (reason or "").startswith("CRYPTO_CONSTRAINTS_FAILURE_NO_POE")


def test_a_signature_without_properties_could_be_another_signers(tmp_path: Path) -> None:
    template = foreign_xml.signature(reference=transformed("", ENVELOPED), properties="")

    one = only(by_xmlsec1(tmp_path, around(template)))

    assert one.verdict.indication is UNKNOWN
    assert one.verdict.signed_at is None
    assert checks(one, Outcome.WARNING) == [Check.SIGNATURE_VULNERABLE_TO_SIGNER_SUBSTITUTION]
    assert one.verdict.certificate == authority.leaf("rsa2048").certificate_der


def test_a_second_signature_that_would_break_the_first_is_refused(tmp_path: Path) -> None:
    file = by_xmlsec1(tmp_path, around(foreign_xml.signature(reference=transformed("", ENVELOPED))))

    with pytest.raises(XmlSealed):
        xades.inspect(file)
    with pytest.raises(XmlSealed):
        xades.prepare(file, trusted("p256"), DigestAlgorithm.SHA256, NOW)


def test_what_is_signed_elsewhere_is_not_passed(tmp_path: Path) -> None:
    (tmp_path / "beside.txt").write_bytes(b"beside")
    template = foreign_xml.signature(reference=transformed("beside.txt", ""))
    one = only(by_xmlsec1(tmp_path, around(template)))

    assert one.verdict.indication is UNKNOWN
    assert (one.verdict.reason or "").startswith("SIGNED_DATA_NOT_FOUND")
    assert checks(one, Outcome.ERROR) == [CORE]


@pytest.mark.parametrize(
    "transform",
    [
        '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"><xsl:stylesheet version="1.0" '
        'xmlns:xsl="http://www.w3.org/1999/XSL/Transform"/></ds:Transform>',
        XPATH.replace("not(ancestor-or-self::ds:Signature)", "false()"),
        XPATH.replace("ds:Signature", "ds:signature"),
        XPATH.replace("<ds:XPath>", '<ds:XPath xmlns:ds="urn:x">'),
        '<ds:Transform Algorithm="http://www.w3.org/2002/06/xmldsig-filter2"><f:XPath Filter="intersect" '
        'xmlns:f="http://www.w3.org/2002/06/xmldsig-filter2">//ds:Signature</f:XPath></ds:Transform>',
        '<ds:Transform Algorithm="urn:unknown"/>',
    ],
)
def test_a_transform_that_is_not_on_the_list_is_never_passed(tmp_path: Path, transform: str) -> None:
    """Any of these may leave out everything, and a valid signature over nothing."""
    output = signed(written(tmp_path), "rsa2048")
    content = output.read_bytes().replace(
        f'<ds:Transform Algorithm="{DS}enveloped-signature"/>'.encode(), transform.encode()
    )
    output.write_bytes(resigned(content))

    one = only(output)

    assert one.verdict.indication is not PASSED
    assert not one.verdict.covers_whole_file
    assert not one.results.valid


def resigned(content: bytes, *, pss: bool = False) -> bytes:
    """With a new value over what SignedInfo says now: an attacker, or a careless program, may sign anything."""
    root = etree.fromstring(content)
    (info,) = root.iter(f"{{{DS}}}SignedInfo")
    (value,) = root.iter(f"{{{DS}}}SignatureValue")
    key = authority.leaf("rsa2048").key
    assert isinstance(key, rsa.RSAPrivateKey)
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32) if pss else padding.PKCS1v15()
    data = etree.tostring(info, method="c14n", exclusive=True)
    value.text = base64.b64encode(key.sign(data, scheme, hashes.SHA256())).decode()
    made: bytes = etree.tostring(root.getroottree())
    return made


def test_rsa_pss_is_understood(tmp_path: Path) -> None:
    output = signed(written(tmp_path), "rsa2048")
    method = b"http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"
    content = output.read_bytes().replace(foreign_xml.RSA_SHA256.encode(), method)

    output.write_bytes(resigned(content, pss=True))
    assert verdict(output) == (PASSED, None)
    assert only(output).signature_algorithm is None
    output.write_bytes(resigned(content))
    assert verdict(output) == (FAILED, "SIG_CRYPTO_FAILURE")


# -- forgeries -------------------------------------------------------------------------------------

Forgery = Callable[[bytes], bytes]


def swap(old: bytes, new: bytes) -> Forgery:
    def change(content: bytes) -> bytes:
        assert old in content
        return content.replace(old, new)

    return change


def moved_properties(content: bytes) -> bytes:
    """The signed properties go elsewhere, where the reference still finds them; others take their place."""
    found = re.search(rb"<xades:SignedProperties .*</xades:SignedProperties>", content, re.DOTALL)
    assert found is not None
    fake = re.sub(rb"Id=\"[^\"]*\"", b'Id="fake"', found[0], count=1)
    fake = re.sub(rb"<xades:SigningTime>\d{4}", b"<xades:SigningTime>1999", fake)
    away = b'<ds:Object xmlns:xades="http://uri.etsi.org/01903/v1.3.2#">' + found[0] + b"</ds:Object>"
    return content.replace(found[0], fake).replace(b"</ds:Signature>", away + b"</ds:Signature>")


def second_qualifying(content: bytes) -> bytes:
    found = re.search(rb"<xades:QualifyingProperties.*</xades:QualifyingProperties>", content, re.DOTALL)
    assert found is not None
    fake = re.sub(rb"Id=\"[^\"]*\"", b'Id="fake"', found[0])
    return content.replace(found[0], fake + found[0])


def another_certificate(content: bytes) -> bytes:
    """With the same key, another name: what SigningCertificate is there against."""
    leaf = authority.leaf("rsa2048")
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Somebody else")])
    forged = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(leaf.certificate.public_key())
        .serial_number(7)
        .not_valid_before(authority.NOW)
        .not_valid_after(authority.NOW + authority.DAY)
        .sign(leaf.signing_key, hashes.SHA256())
    )
    old, new = (base64.b64encode(c.public_bytes(authority.DER)) for c in (leaf.certificate, forged))
    return swap(old, new)(content)


@pytest.mark.parametrize(
    ("forgery", "reason"),
    [
        (swap(b"<ds:DigestValue>", b"<ds:DigestValue><!-- x -->"), "FORMAT_FAILURE"),
        (swap(b"<xades:SigningTime>", b"<xades:SigningTime><?x?>"), "HASH_FAILURE"),
        (swap(b"</ds:SignatureValue>", b"!</ds:SignatureValue>"), "FORMAT_FAILURE"),
        (swap(b"</ds:SignatureValue>", b"AAAA</ds:SignatureValue>"), "FORMAT_FAILURE"),
        (lambda content: re.sub(rb"(sigvalue\">)[\w+/]{4}", rb"\1", content), "SIG_CRYPTO_FAILURE"),
        (swap(b"</ds:SignatureValue>", b"</ds:SignatureValue><ds:SignatureValue/>"), "FORMAT_FAILURE"),
        (swap(b"<ds:KeyInfo>", b"<ds:KeyInfo/><ds:KeyInfo>"), "FORMAT_FAILURE"),
        (swap(b'Target="#', b'Target="#x'), "FORMAT_FAILURE"),
        (swap(b"<inv:total", b"<x Id='xmldsig-signedprops'/><inv:total"), "HASH_FAILURE"),
        (swap(foreign_xml.RSA_SHA256.encode(), foreign_xml.RSA_SHA1.encode()), "SIG_CRYPTO_FAILURE"),
        (moved_properties, "FORMAT_FAILURE"),
        (second_qualifying, "FORMAT_FAILURE"),
        (another_certificate, "FORMAT_FAILURE"),
    ],
)
def test_a_forged_signature_fails(tmp_path: Path, forgery: Forgery, reason: str) -> None:
    output = signed(written(tmp_path), "rsa2048")
    output.write_bytes(forgery(output.read_bytes()))

    found, why = verdict(output)

    assert found is FAILED
    assert (why or "").startswith(reason)
    assert not only(output).results.valid
    with pytest.raises(BrokenSignature):
        xades.inspect(output)


def test_an_element_put_beside_the_signed_one_with_the_same_id_is_found(tmp_path: Path) -> None:
    """Signature wrapping: who looks the Id up reads the first, who verified took the second."""
    output = signed(written(tmp_path), "rsa2048", XmlOptions(element_id="second"))
    forged = output.read_bytes().replace(b"<deep>", b"<deep><evil ID='second'>pay more</evil>")
    output.write_bytes(forged)

    found, reason = verdict(output)

    assert (found, "several elements" in (reason or "")) == (FAILED, True)
    assert checks(only(output), Outcome.ERROR) == [CORE]


def test_content_that_hides_in_a_signature_fails_the_file(tmp_path: Path) -> None:
    """Nobody signs what is in a ds:Signature: so each must be one."""
    output = signed(written(tmp_path), "p256")
    evil = f'<ds:Signature xmlns:ds="{DS}"><ds:Object><pay>more</pay></ds:Object></ds:Signature>'.encode()
    output.write_bytes(output.read_bytes().replace(b"<deep>", b"<deep>" + evil))

    assert sorted(v.indication for v in xades.verify(output).signatures) == [FAILED, PASSED]
    assert not xades.verify(output).intact
    with pytest.raises(BrokenSignature):
        xades.inspect(output)


def test_instructions_that_look_like_the_tags_of_a_signature_hide_nothing(tmp_path: Path) -> None:
    """What is between them is signed by nobody, however long the prefix of the true signature is."""
    original = b'<?xml version="1.0"?>\n<order><item>pen</item><?print page?><total>10</total></order>'
    output = signed(written(tmp_path, original), "p256")
    before, signature, after = re.split(rb"(<ds:Signature .*</ds:Signature>)", output.read_bytes(), flags=re.DOTALL)
    inside = signature.removeprefix(b"<ds:Signature").removesuffix(b"</ds:Signature>")
    prefix = b"p" * 300
    renamed = b'<%b:Signature xmlns:%b="%b"%b</%b:Signature>' % (prefix, prefix, DS.encode(), inside, prefix)
    output.write_bytes(before + renamed + after)
    assert verdict(output) == (PASSED, None)
    xml_verifier.require_accepted(output, ROOT)

    hiding = b"<?print <Signature >?><item>yacht</item><total>1000000</total>%b<?print </Signature>page?>" % renamed
    output.write_bytes((before + after).replace(b"<?print page?>", hiding))
    (found,) = xades.verify(output).signatures
    assert (found.indication, found.reason, found.covers_whole_file) == (FAILED, "HASH_FAILURE", False)
    assert not xml_verifier.xmlsec1(output, ROOT).valid


def test_a_prefix_list_that_libxml2_does_not_follow_is_not_judged(tmp_path: Path) -> None:
    transform = PREFIXES.replace("unused i", "unused #default")
    template = foreign_xml.signature(reference=transformed("#part", transform))

    assert verdict(by_xmlsec1(tmp_path, around(template)))[0] is UNKNOWN


@pytest.mark.parametrize("uri", ["", "#held"])
def test_a_signature_over_nothing_fails(tmp_path: Path, uri: str) -> None:
    """What the transforms leave out is not signed, however right the digest of nothing is."""
    empty = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    held = '<ds:Object Id="held"><a xmlns="">text</a></ds:Object>'
    template = foreign_xml.signature(reference=transformed("#held", ""), objects=held)
    content = by_xmlsec1(tmp_path, template).read_bytes()
    content = re.sub(
        rb'URI="#held"><ds', f'URI="{uri}"><ds:Transforms>{ENVELOPED}</ds:Transforms><ds'.encode(), content
    )
    content = re.sub(rb"<ds:DigestValue>[^<]*", b"<ds:DigestValue>" + empty.encode(), content, count=1)
    file = tmp_path / "nothing.xml"
    file.write_bytes(content)

    found, reason = verdict(file)

    assert (found, "left out" in (reason or "")) == (FAILED, True)


def test_a_signature_of_nothing_but_itself_fails(tmp_path: Path) -> None:
    file = by_xmlsec1(tmp_path, around(foreign_xml.signature(reference="")))
    assert xml_verifier.xmlsec1(file, ROOT) == xml_verifier.Xmlsec1Result(valid=True, references=(1, 1))

    assert verdict(file) == (FAILED, "FORMAT_FAILURE: it signs nothing but itself")


def test_unsigned_properties_fail(tmp_path: Path) -> None:
    template = foreign_xml.signature(reference=transformed("", ENVELOPED))
    template = template.replace(transformed("#props", f'<ds:Transform Algorithm="{INCLUSIVE}"/>'), "")
    file = by_xmlsec1(tmp_path, around(template))
    assert xml_verifier.xmlsec1(file, ROOT).valid

    assert verdict(file) == (FAILED, "FORMAT_FAILURE: its SignedProperties are not signed")


def test_a_signature_without_a_certificate_is_not_passed(tmp_path: Path) -> None:
    output = signed(written(tmp_path), "p256")
    output.write_bytes(re.sub(rb"<ds:KeyInfo>.*</ds:KeyInfo>", b"", output.read_bytes()))

    one = only(output)

    assert (one.verdict.indication, one.verdict.certificate) == (UNKNOWN, b"")
    assert checks(one, Outcome.ERROR) == [Check.SIGNING_CERTIFICATE_NOT_FOUND]


# -- hostile files ---------------------------------------------------------------------------------

_LAUGHS = b"".join(b'<!ENTITY l%d "%b">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
HOSTILE: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "no-xml": lambda: b"%PDF-1.7 and so on",
    "zeros": lambda: b"\0" * 1000,
    "laughs": lambda: b'<!DOCTYPE a [<!ENTITY l0 "ha">' + _LAUGHS + b"]><a>&l9;</a>",
    "laughs-in-attribute": lambda: b'<!DOCTYPE a [<!ENTITY l0 "ha">' + _LAUGHS + b']><a b="&l9;"/>',
    "external-entity": lambda: b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "external-dtd": lambda: b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>',
    "doctype": lambda: b"<!DOCTYPE html><html/>",
    "doctype-utf-16": lambda: "<!DOCTYPE html><html/>".encode("utf-16"),
    "unknown-entity": lambda: b"<a>&nbsp;</a>",
    "deep": lambda: b"<a>" * 5000 + b"</a>" * 5000,
    "long-text": lambda: b"<a>" + b"x" * (50 << 20) + b"</a>",
    "long-attribute": lambda: b'<a b="' + b"x" * (50 << 20) + b'"/>',
    "long-name": lambda: b"<" + b"a" * 100_000 + b"/>",
    "long-comment": lambda: b"<a><!--" + b"x" * (11 << 20) + b"--></a>",
    "truncated": lambda: b"<a><b></a>",
    "two-roots": lambda: b"<a/><b/>",
    "unknown-encoding": lambda: b'<?xml version="1.0" encoding="klingon"?><a/>',
    "utf-7": lambda: b'<?xml version="1.0" encoding="utf-7"?><a/>',
    "shift-jis": lambda: '<?xml version="1.0" encoding="shift_jis"?><a>ソ</a>'.encode("shift_jis"),
    "utf-32": lambda: "<a/>".encode("utf-32"),
    "ebcdic": lambda: '<?xml version="1.0" encoding="cp037"?><a/>'.encode("cp037"),
    "not-utf-8": lambda: b"<a>\xff\xfe</a>",
    "half-a-pair": lambda: b"\xff\xfe" + "<a>".encode("utf-16-le") + b"\x00\xd8" + "</a>".encode("utf-16-le"),
    "xml-1.1": lambda: b'<?xml version="1.1"?><a/>',
    "nul": lambda: b"<a>\0</a>",
    "relative-namespace": lambda: b'<a xmlns="not/absolute"/>',
    "unbound-prefix": lambda: b"<x:a/>",
    "many-signatures": lambda: b"<a>" + f'<s:Signature xmlns:s="{DS}"/>'.encode() * 101 + b"</a>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_at_once(tmp_path: Path, name: str) -> None:
    file = written(tmp_path, HOSTILE[name]())
    start = time.process_time()

    for use in (
        xades.inspect,
        xades.examine,
        xades.canonical,
        lambda file: xades.prepare(file, trusted("p256"), DigestAlgorithm.SHA256, NOW),
        lambda file: xades.verify(file).signatures or xades.examine(file),
    ):
        with pytest.raises((InvalidXml, XmlTooComplex, EmptyFile, NotSigned)):
            use(file)
    assert time.process_time() - start < 10


def test_work_without_end_is_refused(tmp_path: Path) -> None:
    """A hundred signatures with thirty references each, all right, and each to be computed by itself."""
    text = "x" * (1 << 20)
    content = f"<a>{text * 9}</a>"
    right = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    signatures = ""
    for number in range(100):
        ways = [XPATH + PREFIXES.replace("unused", f"p{number}-{n}") for n in range(29)]
        references = "".join(transformed("", way) for way in ways)
        signatures += foreign_xml.signature(reference=references)
    signatures = signatures.replace("<ds:DigestValue/>", f"<ds:DigestValue>{right}</ds:DigestValue>")
    file = written(tmp_path, content.replace("</a>", f"{signatures}</a>").encode())
    start = time.process_time()

    with pytest.raises(XmlTooComplex):
        xades.verify(file)
    assert time.process_time() - start < 30


def test_damage_anywhere_is_a_verdict_or_a_refusal(tmp_path: Path) -> None:
    """Never another exception, and never a signature of what was not signed."""
    output = signed(signed(written(tmp_path), "rsa2048"), "p256")
    content = output.read_bytes()
    signed_octets = xades.canonical(output)
    chance = random.Random(7)
    pieces = [b"", b"<", b">", b'"', b"&#0;", b"\xff", b"<!--x-->", b"<ds:Object/>", b" Id='total'", b"]]>", b"\0"]
    for _ in range(400):
        start = chance.randrange(len(content))
        end = start + chance.choice([0, 0, 1, 1, 7, 60])
        damaged = content[:start] + chance.choice([*pieces, content[end : end + 40]]) + content[end:]
        output.write_bytes(damaged)
        try:
            found = xades.verify(output).signatures
            xades.examine(output)
        except Refused:
            continue
        if any(v.indication is PASSED and v.covers_whole_file for v in found):
            assert xades.canonical(output) == signed_octets
