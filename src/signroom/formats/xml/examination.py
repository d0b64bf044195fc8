"""A stranger's signed XML, taken apart: what each signature says of itself, and what `verification` finds in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lxml import etree  # type: ignore[import-untyped]

from signroom.domain.errors import NotSigned
from signroom.domain.examination import Examination, ExaminedSignature, XmlElement
from signroom.domain.signature import DigestValue, Indication, SignatureType
from signroom.domain.validation import Check, Outcome, ValidationItem, ValidationResults
from signroom.formats.xml.reading import XmlDocument
from signroom.formats.xml.signature import DIGESTS, METHODS, Fault, Reference, signature_policy
from signroom.formats.xml.verification import JudgedSignature, judge

if TYPE_CHECKING:
    from lxml.etree import _Element as Element  # type: ignore[import-untyped]

_PASSED = {
    Check.MESSAGE_DIGEST_MISMATCH: "Each digest is that of what it refers to.",
    Check.SIGNATURE_ALGORITHM_VALIDATION_FAILED: "The signature value fits SignedInfo and the certificate's key.",
    Check.XML_DSIG_CORE_VALIDATION_FAILED: "Core validation (XMLDSIG, 3.2) passed.",
    Check.SIGNING_CERTIFICATE_DIGEST_MISMATCH: "The signed properties name the signer's certificate.",
}
_FAILED = {
    Check.MESSAGE_DIGEST_MISMATCH: "What was signed was changed.",
    Check.SIGNATURE_ALGORITHM_VALIDATION_FAILED: (
        "The signature value does not fit SignedInfo and the certificate's key."
    ),
    Check.XML_DSIG_CORE_VALIDATION_FAILED: "Core validation (XMLDSIG, 3.2) failed.",
    Check.SIGNING_CERTIFICATE_DIGEST_MISMATCH: "The signed properties name another certificate than the signer's.",
    Check.SIGNING_CERTIFICATE_NOT_FOUND: "The signer's certificate is not in the signature.",
    Check.INVALID_XML_SIGNATURE_SCHEMA: "The signature is not as its schema has it.",
    Check.DECODE_ERROR: "A value of the signature cannot be read.",
    Check.ALGORITHM_NOT_ALLOWED: "An algorithm is not known here, or a digest or key is too weak today.",
    Check.SIGNATURE_VULNERABLE_TO_SIGNER_SUBSTITUTION: (
        "No signed property says which certificate is the signer's: another one could be put there."
    ),
}
_PARTS_OF_CORE = (Check.MESSAGE_DIGEST_MISMATCH, Check.SIGNATURE_ALGORITHM_VALIDATION_FAILED)
_WARNINGS = ("CRYPTO_CONSTRAINTS_FAILURE_NO_POE", "SIG_CONSTRAINTS_FAILURE")
"""What is right, and proves less than it should."""


def examine(file: Path) -> Examination:
    """Raises: NotSigned, EmptyFile, InvalidXml, XmlTooComplex."""
    document = XmlDocument.read(file)
    if not document.signatures:
        raise NotSigned
    return Examination(SignatureType.XML, tuple(map(_examined, judge(document))))


def _examined(found: JudgedSignature) -> ExaminedSignature:
    parts = found.parts
    certificate = found.verdict.certificate
    return ExaminedSignature(
        verdict=found.verdict,
        results=ValidationResults.of(_items(found)),
        issuers=() if parts is None else tuple(der for der in parts.certificates if der != certificate),
        message_digest=_message_digest(found.signed),
        signature_algorithm=None if parts is None else _signature_algorithm(parts.method),
        value=b"" if parts is None else parts.value,
        policy=None if parts is None else signature_policy(parts.properties),
        is_xml=True,
        xml_element=None if found.signed_element is None else _element(found.signed_element),
    )


def _items(found: JudgedSignature) -> list[ValidationItem]:
    items = [ValidationItem(check, Outcome.PASSED, _PASSED[check]) for check in found.passed]
    if found.fault is not None:
        items += _failures(found.fault)
    return items


def _failures(fault: Fault) -> list[ValidationItem]:
    warned = fault.indication is Indication.INDETERMINATE and fault.reason.startswith(_WARNINGS)
    outcome = Outcome.WARNING if warned else Outcome.ERROR
    items = [ValidationItem(fault.check, outcome, _FAILED[fault.check], fault.reason)]
    if fault.check in _PARTS_OF_CORE:
        core = Check.XML_DSIG_CORE_VALIDATION_FAILED
        items.append(ValidationItem(core, Outcome.ERROR, _FAILED[core]))
    return items


def _message_digest(signed: tuple[Reference, ...]) -> DigestValue | None:
    """Of what was signed; the first where it is several things."""
    if not signed or signed[0].algorithm not in DIGESTS:
        return None
    return DigestValue(DIGESTS[signed[0].algorithm], signed[0].digest)


def _signature_algorithm(method: str) -> str | None:
    """None for kinds that the contract has no word for (RSASSA-PSS)."""
    kind, digest = METHODS.get(method, ("", ""))
    return f"{digest}With{kind}" if kind in {"RSA", "ECDSA"} else None


def _element(element: Element) -> XmlElement:
    name = etree.QName(element)
    names = ((etree.QName(attribute), value) for attribute, value in element.attrib.items())
    attributes = tuple((attribute.localname, value, attribute.namespace) for attribute, value in names)
    return XmlElement(name.localname, name.namespace, attributes)
