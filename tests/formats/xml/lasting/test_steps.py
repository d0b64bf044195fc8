"""Steps to a higher level that are refused, and files of other software that are raised all the same."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lxml import etree  # type: ignore[import-untyped]

from signroom.domain.augmentation import NO_DATA, Augmentation, LaidOutAugmentation, TimestampUse, ValidationData
from signroom.domain.errors import (
    AugmentationImpossible,
    BrokenSignature,
    InvalidXml,
    NotSigned,
    Refused,
    TimestampTooLarge,
    VerificationFailed,
    XmlTooComplex,
)
from signroom.domain.level import Level
from signroom.domain.signature import (
    WHOLE_DOCUMENT,
    CertificateChain,
    DigestAlgorithm,
    Indication,
    XmlInsertion,
    XmlLocation,
    XmlOptions,
)
from signroom.formats.xml import format as xml
from signroom.formats.xml.lasting import steps
from signroom.formats.xml.lasting.properties import MAX_TOKEN, MAX_VALUE, timestamp
from signroom.formats.xml.places import Place, Splice, splice
from signroom.formats.xml.reading import XmlDocument
from tests.formats.xml.files import INVOICE
from tests.formats.xml.lasting.raising import (
    PLAIN,
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
from tests.pki.three_tiers import NOW, stamp
from tests.vectors import foreign_xml
from tests.vectors.foreign_xml import ENVELOPED, EXCLUSIVE, by_xmlsec1, transformed

SIGNATURE, ARCHIVE = TimestampUse.SIGNATURE, TimestampUse.ARCHIVE
BESIDE = XmlLocation("//*[@Id='b']", insertion=XmlInsertion.APPEND_SIBLING)
END = b"</xades:QualifyingProperties>"


def laid_out(file: Path, augmentation: Augmentation) -> LaidOutAugmentation:
    return xml.lay_out_augmentation(file, augmentation, now=NOW, data=None, reading=None)


def augment(file: Path, step: LaidOutAugmentation, token: bytes | None) -> None:
    xml.augment(file, step, token=token, data=None, reading=None)


def token_for(step: LaidOutAugmentation, **how: Any) -> bytes:
    assert step.imprint is not None
    return stamp(step.imprint, **how)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Without a signature."""
    found = tmp_path / "file.xml"
    found.write_bytes(PLAIN)
    return found


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[XmlDocument]:
    """The documents of which a tree was made, each as often as one was."""
    found: list[XmlDocument] = []
    parse = XmlDocument.parse_again

    def noted(document: XmlDocument) -> Any:
        found.append(document)
        return parse(document)

    monkeypatch.setattr(XmlDocument, "parse_again", noted)
    return found


def refused(file: Path, augmentation: Augmentation, error: type[Refused] = AugmentationImpossible) -> str:
    """What the refusal says; the file is as it was."""
    before = file.read_bytes()
    with pytest.raises(error) as refusal:
        step = laid_out(file, augmentation)
        if step.imprint is None:  # a step without a timestamp is looked at when it is done
            xml.augment(file, step, token=None, data=None, reading=None)
    assert file.read_bytes() == before
    return str(refusal.value)


# -- levels ----------------------------------------------------------------------------------------


def test_a_signature_that_stayed_at_the_first_level_is_raised_later(file: Path) -> None:
    value = sign(file, "p256", stamped=False)
    assert reached(file) == [Level.B_B]

    step(file, Augmentation(SIGNATURE, signature_value=value))
    assert reached(file) == [Level.B_T]
    step(file, Augmentation(None, data_of("p256"), value))
    assert reached(file) == [Level.B_LT]
    archive(file, value, NO_DATA)
    assert reached(file) == [Level.B_LTA]
    archive(file, value, three_tiers.data_of_stamper(NOW, 0))
    assert reached(file) == [Level.B_LTA]


def test_the_value_may_come_as_the_file_has_it(file: Path) -> None:
    """r||s, as in XMLDSIG; DER is what our own values are."""
    sign(file, "p256", stamped=False)
    (value,) = etree.parse(str(file)).iter("{*}SignatureValue")
    raw = base64.b64decode(value.text)

    step(file, Augmentation(SIGNATURE, signature_value=raw))
    assert reached(file) == [Level.B_T]


def test_what_a_file_has_is_read(file: Path) -> None:
    value = sign(file, "rsa2048")
    archive(file, value, data_of("rsa2048"))

    found = levels(file)
    (one,) = found.signatures
    holder, authority_of_stamps = three_tiers.signer("rsa2048"), three_tiers.stamper(0)
    assert (one.value, one.level, one.chain.certificate) == (value, Level.B_LTA, holder.der)
    assert set(one.chain.issuers) == {each.der for each in holder.issuers}
    assert [each.use for each in one.timestamps] == [SIGNATURE, ARCHIVE]
    assert {each.time for each in one.timestamps} == {NOW}
    assert {each.authority for each in one.timestamps} == {
        CertificateChain(authority_of_stamps.der, (authority_of_stamps.issuers[0].der,))
    }
    data = data_of("rsa2048")
    assert set(found.data.certificates) == {*data.certificates, three_tiers.root().der}
    assert set(found.data.lists) == set(data.lists)
    assert set(found.data.responses) == set(data.responses)


def test_data_without_a_timestamp_goes_to_every_signature_when_none_is_named(file: Path) -> None:
    sign(file, "p256")
    sign(file, "rsa2048")
    data = data_of("p256") + data_of("rsa2048")
    step(file, Augmentation(None, data))
    assert reached(file) == [Level.B_LT, Level.B_LT]

    # What is there is not put in again.
    before = file.read_bytes()
    step(file, Augmentation(None, data))
    assert file.read_bytes() == before


def test_data_of_the_signer_alone_is_not_enough(file: Path) -> None:
    value = sign(file, "p256")
    step(file, Augmentation(None, three_tiers.data_of_signer("p256"), value))
    assert reached(file) == [Level.B_T]
    step(file, Augmentation(None, three_tiers.data_of_stamper(), value))
    assert reached(file) == [Level.B_LT]


@pytest.mark.parametrize(("options", "trees"), [(XmlOptions(element_id="b", location=BESIDE), 1), (WHOLE_DOCUMENT, 2)])
def test_a_step_parses_the_file_once_and_not_when_it_has_its_token(
    file: Path, parsed: list[XmlDocument], *, options: XmlOptions, trees: int
) -> None:
    """Where a signature is in what it signs, a second tree of the same octets leaves it out."""
    value = sign(file, "p256", options)
    del parsed[:]
    archived = laid_out(file, Augmentation(ARCHIVE, data_of("p256"), value))
    assert len(parsed) == trees
    augment(file, archived, token_for(archived))
    assert len(parsed) == trees
    augment(file, laid_out(file, Augmentation(None, data_of("rsa2048"), value)), None)
    assert len(parsed) == 2 * trees
    assert reached(file) == [Level.B_LTA]


@pytest.mark.parametrize(
    ("content", "behind", "times"),
    [
        (PLAIN, b"", 1),
        (b'<p:a xmlns:p="urn:a" xml:lang="pt"><?x <ds:Signature >?><p:Signature/>Signature</p:a>', b"", 1),
        (b'<a xmlns="http://uri.etsi.org/01903/v1.3.2#"/>', b"", 1),
        (PLAIN, b"<!-- </xades:UnsignedSignatureProperties> </xades:QualifyingProperties> -->", 2),
        (b"<a><?x </xades:UnsignedSignatureProperties> </xades:QualifyingProperties >?></a>", b"", 2),
        (b"<a><![CDATA[</xades:UnsignedSignatureProperties></xades:QualifyingProperties>]]></a>", b"", 2),
        (
            b'<a><xades:UnsignedSignatureProperties xmlns:xades="urn:x">1</xades:UnsignedSignatureProperties></a>',
            b"",
            2,
        ),
    ],
)
@pytest.mark.parametrize("use", [SIGNATURE, ARCHIVE, None])
def test_a_file_that_is_parsed_once_comes_out_as_if_it_were_parsed_again(
    file: Path, parsed: list[XmlDocument], *, content: bytes, behind: bytes, times: int, use: TimestampUse | None
) -> None:
    """Also where something else looks like the place: then it is parsed again."""
    file.write_bytes(content)
    value = sign(file, "p256")
    sign(file, "rsa2048", stamped=False)
    signed = file.read_bytes() + behind
    outcomes = []
    for again in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            if again:
                patch.setattr(steps, "splice_of", lambda *of: replace(splice(*of), is_certain=False))
            file.write_bytes(signed)
            del parsed[:]
            planned = laid_out(file, Augmentation(use, data_of("p256"), value))
            augment(file, planned, None if use is None else token_for(planned))
            assert len({id(one) for one in parsed}) == (2 if again else times)
            outcomes.append((planned, file.read_bytes()))
    assert outcomes[0] == outcomes[1]


def in_wide_characters(tag: bytes, codec: str) -> str:
    """Characters that in UTF-16 have the octets of the end tag of this name."""
    octets = b"</" + tag + b">" if len(tag) % 2 else b"</" + tag + b" >"
    return octets.decode(codec)


@pytest.mark.parametrize(("codec", "mark"), [("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")])
@pytest.mark.parametrize("is_signed", [True, False])
@pytest.mark.parametrize("use", [SIGNATURE, ARCHIVE, None])
def test_characters_that_have_the_octets_of_an_end_tag_are_not_the_place(
    file: Path, *, codec: str, mark: bytes, is_signed: bool, use: TimestampUse | None
) -> None:
    tags = (b"xades:UnsignedSignatureProperties", b"xades:QualifyingProperties")
    like_tags = "".join(in_wide_characters(tag, codec) for tag in tags)
    text = f'<?xml version="1.0" encoding="UTF-16"?><a xmlns="urn:a">{like_tags if is_signed else ""}</a>'
    file.write_bytes(mark + text.encode(codec))
    value = sign(file, "p256")
    if not is_signed:
        file.write_bytes(file.read_bytes() + f"<!--{like_tags}-->".encode(codec))
    step(file, Augmentation(use, data_of("p256"), value))

    assert reached(file) == [Level.B_LTA if use is ARCHIVE else Level.B_LT]
    assert [one.indication for one in xml.verify(file, None).signatures] == [Indication.TOTAL_PASSED]
    assert like_tags in file.read_bytes().decode("utf-16")


def test_a_file_that_goes_on_in_utf_16_is_left_alone(file: Path) -> None:
    """It begins in ASCII, and says so of nothing else. libxml2 reads it, and the signature holds."""
    like_tag = in_wide_characters(b"xades:UnsignedSignatureProperties", "utf-16-le")
    file.write_bytes(f'<?xml version="1.0" encoding="UTF-16"?><a>{like_tag}</a>'.encode("utf-16"))
    value = sign(file, "p256")
    begin, end = file.read_bytes().decode("utf-16").split("?>", 1)
    file.write_bytes(begin.encode() + f"?>{end}".encode("utf-16-le"))
    assert [one.indication for one in xml.verify(file, None).signatures] == [Indication.TOTAL_PASSED]

    for use in (SIGNATURE, ARCHIVE, None):
        assert "encoding" in refused(file, Augmentation(use, data_of("p256"), value), InvalidXml)


def test_a_file_that_is_a_signature_is_raised(tmp_path: Path) -> None:
    reference = transformed("#o", f'<ds:Transform Algorithm="{EXCLUSIVE}"/>')
    template = foreign_xml.signature(reference=reference, objects='<ds:Object Id="o">signed</ds:Object>')
    file = by_xmlsec1(tmp_path, template)
    step(file, Augmentation(SIGNATURE))
    step(file, Augmentation(ARCHIVE, data_of("rsa2048")))

    assert [len(one.timestamps) for one in levels(file).signatures] == [2]
    reached(file)
    assert [one.indication for one in xml.verify(file, None).signatures] == [Indication.TOTAL_PASSED]


def test_what_would_end_up_elsewhere_is_not_put_in(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    value = sign(file, "p256")

    def behind(document: XmlDocument, _place: Place, element: bytes) -> Splice:
        end = document.data.rindex(b"</")
        return Splice(end, end, element)

    monkeypatch.setattr(steps, "splice_of", behind)
    refused(file, Augmentation(ARCHIVE, data_of("p256"), value), InvalidXml)
    refused(file, Augmentation(None, data_of("rsa2048"), value), InvalidXml)


def test_a_timestamp_and_data_come_together(file: Path) -> None:
    value = sign(file, "p256", stamped=False)
    step(file, Augmentation(SIGNATURE, data_of("p256"), value))
    assert reached(file) == [Level.B_LT]


@pytest.mark.parametrize("algorithm", [DigestAlgorithm.SHA384, DigestAlgorithm.SHA512])
def test_the_digest_of_the_imprint_can_be_chosen(file: Path, algorithm: DigestAlgorithm) -> None:
    value = sign(file, "p256")
    for data in (data_of("p256"), NO_DATA):
        found = laid_out(file, Augmentation(ARCHIVE, data, value, digest_algorithm=algorithm))
        augment(file, found, token_for(found, algorithm=algorithm.value.lower()))
    assert reached(file) == [Level.B_LTA]


# -- refusals --------------------------------------------------------------------------------------


def test_what_cannot_be_raised_is_refused(file: Path) -> None:
    refused(file, Augmentation(SIGNATURE), NotSigned)
    value = sign(file, "p256", stamped=False)
    refused(file, Augmentation(SIGNATURE, signature_value=b"another"))
    assert "no signature timestamp" in refused(file, Augmentation(ARCHIVE, signature_value=value))
    sign(file, "rsa2048")
    assert "several" in refused(file, Augmentation(SIGNATURE))


def test_a_signature_timestamp_does_not_come_behind_an_archive_timestamp(file: Path) -> None:
    value = sign(file, "p256")
    archive(file, value, data_of("p256"))
    assert "archive timestamp" in refused(file, Augmentation(SIGNATURE, signature_value=value))


def test_a_broken_signature_is_not_raised_and_does_not_hinder_another(file: Path) -> None:
    file.write_bytes(INVOICE)
    broken, good = sign(file, "p256"), sign(file, "rsa2048")
    first, _ = etree.parse(str(file)).iter("{*}SigningTime")
    file.write_bytes(file.read_bytes().replace(first.text.encode(), b"2020-01-01T00:00:00Z", 1))
    refused(file, Augmentation(ARCHIVE, signature_value=broken), BrokenSignature)

    archive(file, good, data_of("rsa2048"))
    assert levels(file).signatures[1].level is Level.B_LTA
    assert {one.indication for one in xml.verify(file, None).signatures} == {
        Indication.TOTAL_FAILED,
        Indication.TOTAL_PASSED,
    }


def test_a_token_that_is_not_the_right_one_is_not_put_in(file: Path) -> None:
    value = sign(file, "p256")
    before = file.read_bytes()
    found = laid_out(file, Augmentation(ARCHIVE, data_of("p256"), value))
    good = token_for(found)
    wrong: list[tuple[bytes | None, type[Refused]]] = [
        (None, VerificationFailed),
        (b"", VerificationFailed),
        (b"no token", VerificationFailed),
        (stamp(bytes(32)), VerificationFailed),
        (stamp(bytes(20), algorithm="sha1"), VerificationFailed),
        (token_for(found, certificates=False), VerificationFailed),
        (good[:-1] + bytes((good[-1] ^ 1,)), VerificationFailed),
        (token_for(found, padding_bytes=MAX_TOKEN), TimestampTooLarge),
    ]
    for token, error in wrong:
        with pytest.raises(error):
            augment(file, found, token)
        assert file.read_bytes() == before
    with pytest.raises(VerificationFailed):
        augment(file, laid_out(file, Augmentation(None, data_of("p256"), value)), good)
    augment(file, found, token_for(found, padding_bytes=MAX_TOKEN // 2))
    assert reached(file) == [Level.B_LTA]
    assert list(file.parent.iterdir()) == [file]


def test_a_token_of_another_signature_is_not_signed_with(file: Path) -> None:
    layout, checked = prepared(file, "p256")
    for token, error in (
        (stamp(bytes(32)), VerificationFailed),
        (b"", VerificationFailed),
        (stamp(bytes(32), padding_bytes=MAX_TOKEN), TimestampTooLarge),
    ):
        with pytest.raises(error):
            put_in(file, layout, checked, token)


@pytest.mark.parametrize("use", [None, SIGNATURE, ARCHIVE])
def test_a_file_that_changed_meanwhile_is_refused(file: Path, use: TimestampUse | None) -> None:
    value = sign(file, "p256")
    found = laid_out(file, Augmentation(use, data_of("p256"), value))
    token = None if use is None else token_for(found)
    changed = file.read_bytes().replace(b"</a>", b" </a>"), file.read_bytes().replace(b"-sigtst", b"-sigtsu")
    for content in changed:
        file.write_bytes(content)
        with pytest.raises(AugmentationImpossible):
            augment(file, found, token)
        assert file.read_bytes() == content


def test_data_that_other_programs_could_not_read_is_refused(file: Path) -> None:
    value = sign(file, "p256")
    large = ValidationData(lists=(bytes(MAX_VALUE + 1),))
    assert "6 MB" in refused(file, Augmentation(ARCHIVE, large, value))
    many = ValidationData(lists=tuple(bytes((n,)) * MAX_VALUE for n in range(3)))
    assert "16 MB" in refused(file, Augmentation(None, many, value))


def test_a_large_list_is_kept_where_others_can_read_it(file: Path) -> None:
    """Of the largest size that is taken: libxml2 reads the file without being asked for more."""
    value = sign(file, "p256")
    archive(file, value, ValidationData(lists=(bytes(MAX_VALUE),)))
    assert len(file.read_bytes()) > 8_000_000
    assert len(levels(file).signatures[0].timestamps) == 2
    reached(file)
    etree.parse(str(file), etree.XMLParser(huge_tree=False))


# -- files of others -------------------------------------------------------------------------------


def test_a_signature_whose_properties_another_one_signs_is_not_raised(tmp_path: Path) -> None:
    """The one around signs all but itself: whatever is added to the one inside changes what it has signed."""
    inner = tmp_path / "inner.xml"
    inner.write_text(around(""))
    value = sign(inner, "p256")
    outer = foreign_xml.signature(reference=transformed("", ENVELOPED))
    content = inner.read_text().replace("<u:part", f"{outer}<u:part")
    file = by_xmlsec1(tmp_path, content)
    assert "would break" in refused(file, Augmentation(ARCHIVE, data_of("p256"), value))


def test_an_archive_timestamp_around_another_signature_is_kept(file: Path) -> None:
    """A counter-signature is an unsigned property: an archive timestamp covers it as it was."""
    outer = sign(file, "rsa2048")
    inner = sign(file, "p256")
    content = file.read_bytes()
    start = content.index(b"<ds:Signature ", content.index(b"<ds:Signature ") + 1)
    end = content.rindex(b"</ds:Signature>") + len(b"</ds:Signature>")
    moved, rest = content[start:end], content[:start] + content[end:]
    wrapped = b"<xades:CounterSignature>" + moved + b"</xades:CounterSignature>"
    at = rest.index(b"</xades:UnsignedSignatureProperties>")
    file.write_bytes(rest[:at] + wrapped + rest[at:])
    assert reached(file) == [Level.B_T, Level.B_T]
    step(file, Augmentation(None, data_of("p256"), inner))
    archive(file, outer, data_of("rsa2048"))
    assert reached(file) == [Level.B_LTA, Level.B_LT]

    assert "would break" in refused(file, Augmentation(ARCHIVE, signature_value=inner))
    archive(file, outer, NO_DATA)
    assert reached(file) == [Level.B_LTA, Level.B_LT]


def test_what_is_no_xades_signature_is_not_raised(tmp_path: Path) -> None:
    file = by_xmlsec1(tmp_path, around(foreign_xml.signature(reference=transformed("", ENVELOPED), properties="")))
    refused(file, Augmentation(SIGNATURE))
    with pytest.raises(NotSigned):
        levels(file)


def test_a_file_with_a_signature_of_an_unknown_kind_is_left_alone(tmp_path: Path) -> None:
    filtered = f'<ds:Transform Algorithm="{foreign_xml.DS}enveloped-signature"/>'
    outside = transformed("http://example.org/", filtered)
    template = around(foreign_xml.signature(reference=outside))
    file = tmp_path / "file.xml"
    file.write_text(template.replace("<ds:X509Data/>", "").replace("<ds:KeyInfo></ds:KeyInfo>", ""))
    value = sign_beside(tmp_path)
    content = (tmp_path / "beside.xml").read_text()
    signature = template[template.index("<ds:Signature") : template.index("</ds:Signature>") + len("</ds:Signature>")]
    file.write_text(content.replace("</r>", f"{filled(signature)}</r>"))
    assert "not supported" in refused(file, Augmentation(ARCHIVE, data_of("p256"), value))


def sign_beside(folder: Path) -> bytes:
    file = folder / "beside.xml"
    file.write_text(around(""))
    return sign(file, "p256")


def filled(template: str) -> str:
    """With values that nobody has computed."""
    der = base64.b64encode(authority.leaf("rsa2048").certificate_der).decode()
    return (
        template.replace("<ds:DigestValue/>", "<ds:DigestValue>AAEC</ds:DigestValue>")
        .replace("<ds:SignatureValue/>", "<ds:SignatureValue>AAEC</ds:SignatureValue>")
        .replace("<ds:X509Data/>", f"<ds:X509Data><ds:X509Certificate>{der}</ds:X509Certificate></ds:X509Data>")
    )


ODD = {
    "an empty holder": b"<xades:UnsignedProperties/>",
    "two empty holders inside each other": (
        b"<xades:UnsignedProperties><xades:UnsignedSignatureProperties/></xades:UnsignedProperties>"
    ),
    "white space and comments": (
        b"<xades:UnsignedProperties > <!-- </xades:UnsignedSignatureProperties> -->\n"
        b"<xades:UnsignedSignatureProperties\n>\n</xades:UnsignedSignatureProperties\t></xades:UnsignedProperties>"
    ),
    "properties of data objects": (
        b'<xades:UnsignedProperties><xades:UnsignedDataObjectProperties Id="u"/></xades:UnsignedProperties>'
    ),
    "properties that mean nothing": (
        b"<xades:UnsignedProperties><xades:UnsignedSignatureProperties><xades:SignatureTimeStamp/>"
        b"<xades:SignatureTimeStamp><xades:EncapsulatedTimeStamp>AAEC</xades:EncapsulatedTimeStamp>"
        b"<xades:EncapsulatedTimeStamp>?</xades:EncapsulatedTimeStamp></xades:SignatureTimeStamp>"
        b"<xades:CertificateValues><xades:EncapsulatedX509Certificate>&lt;"
        b"</xades:EncapsulatedX509Certificate></xades:CertificateValues><xades:CertificateValues>"
        b"<xades:EncapsulatedX509Certificate>AAEC</xades:EncapsulatedX509Certificate></xades:CertificateValues>"
        b'<x xmlns="urn:x"/></xades:UnsignedSignatureProperties></xades:UnsignedProperties>'
    ),
}


@pytest.mark.parametrize("odd", list(ODD.values()), ids=list(ODD))
def test_odd_unsigned_properties_do_no_harm(file: Path, odd: bytes) -> None:
    value = sign(file, "p256", stamped=False)
    file.write_bytes(file.read_bytes().replace(END, odd + END))
    assert reached(file) == [Level.B_B]

    step(file, Augmentation(SIGNATURE, signature_value=value))
    archive(file, value, data_of("p256"))
    assert reached(file) == [Level.B_LTA]
    assert [one.indication for one in xml.verify(file, None).signatures] == [Indication.TOTAL_PASSED]


def test_several_holders_of_unsigned_properties_are_not_guessed_at(file: Path) -> None:
    value = sign(file, "p256")
    file.write_bytes(file.read_bytes().replace(END, b"<xades:UnsignedProperties/>" + END))
    refused(file, Augmentation(ARCHIVE, signature_value=value))


def test_a_timestamp_of_sha_1_is_read_as_it_is(file: Path) -> None:
    value = sign(file, "p256", stamped=False)
    sha1 = laid_out(file, Augmentation(SIGNATURE, signature_value=value))
    (element,) = etree.parse(str(file)).iter("{*}SignatureValue")
    octets = etree.tostring(element, method="c14n", exclusive=True)
    imprint = hashlib.new("sha1", octets).digest()  # noqa: S324
    added = timestamp(SIGNATURE, "old", stamp(imprint, algorithm="sha1"))
    around = b"<xades:UnsignedProperties><xades:UnsignedSignatureProperties>%b</xades:UnsignedSignatureProperties>"
    file.write_bytes(file.read_bytes().replace(END, around % added + b"</xades:UnsignedProperties>" + END))
    assert sha1.imprint != imprint
    assert reached(file) == [Level.B_T]


@pytest.mark.parametrize("part", [b"<xades:Include URI='#a'/>", b"<ds:CanonicalizationMethod Algorithm='urn:x'/>"])
def test_a_timestamp_of_which_cannot_be_told_what_it_is_about_is_left_out(file: Path, part: bytes) -> None:
    sign(file, "p256")
    method = f'<ds:CanonicalizationMethod xmlns:ds="{foreign_xml.DS}" Algorithm="{EXCLUSIVE}"/>'.encode()
    content = file.read_bytes()
    at = content.rindex(b"<ds:CanonicalizationMethod")
    end = content.index(b">", at) + 1
    assert method[:20] in content[at:end]
    file.write_bytes(content[:at] + part + content[end:])
    assert reached(file) == [Level.B_B]


def test_timestamps_without_end_are_refused(file: Path) -> None:
    value = sign(file, "p256")
    content = file.read_bytes()
    start = content.index(b"<xades:SignatureTimeStamp")
    end = content.index(b"</xades:SignatureTimeStamp>") + len(b"</xades:SignatureTimeStamp>")
    one = content[start:end]
    many = b"".join(one.replace(b"-sigtst", b"-%d" % n) for n in range(2000))
    file.write_bytes(content[:end] + many + content[end:])
    with pytest.raises(XmlTooComplex):
        levels(file)
    refused(file, Augmentation(ARCHIVE, signature_value=value), XmlTooComplex)


def test_the_digest_of_the_file_goes_with_the_step(file: Path) -> None:
    value = sign(file, "p256")
    found = laid_out(file, Augmentation(None, data_of("p256"), value))
    with pytest.raises(AugmentationImpossible):
        augment(file, replace(found, file_digest=bytes(32)), None)
