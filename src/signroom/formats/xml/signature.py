"""ds:Signature as its schema has it (XMLDSIG, 4; EN 319 132-1, 4.3), read into plain values. Nothing is judged here."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from signroom.domain.examination import SignaturePolicy
from signroom.domain.signature import DigestValue, Indication
from signroom.domain.validation import Check
from signroom.formats.xml.canonical import Canonicalization
from signroom.formats.xml.reading import DS

if TYPE_CHECKING:
    from lxml.etree import _Element as Element  # type: ignore[import-untyped]

XADES = "http://uri.etsi.org/01903/v1.3.2#"
C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
EXC_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
SIGNED_PROPERTIES_TYPE = "http://uri.etsi.org/01903#SignedProperties"
ENVELOPED = f"{DS}enveloped-signature"
XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
XPATH_FILTER_2 = "http://www.w3.org/2002/06/xmldsig-filter2"
BASE64 = f"{DS}base64"

CANONICALIZATIONS = {
    C14N: Canonicalization(exclusive=False),
    f"{C14N}#WithComments": Canonicalization(exclusive=False, with_comments=True),
    "http://www.w3.org/2006/12/xml-c14n11": Canonicalization(exclusive=False, version_1_1=True),
    "http://www.w3.org/2006/12/xml-c14n11#WithComments": Canonicalization(
        exclusive=False, with_comments=True, version_1_1=True
    ),
    EXC_C14N: Canonicalization(exclusive=True),
    f"{EXC_C14N}WithComments": Canonicalization(exclusive=True, with_comments=True),
}

_ENC = "http://www.w3.org/2001/04/xmlenc#"
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_MORE_2007 = "http://www.w3.org/2007/05/xmldsig-more#"

DIGESTS = {
    f"{DS}sha1": "SHA1",
    f"{_ENC}sha256": "SHA256",
    f"{_MORE}sha384": "SHA384",
    f"{_ENC}sha512": "SHA512",
}
"""Algorithm -> name, as the contract's ``DigestAlgorithms`` spells it."""

METHODS = {
    f"{DS}rsa-sha1": ("RSA", "SHA1"),
    f"{_MORE}ecdsa-sha1": ("ECDSA", "SHA1"),
    **{f"{_MORE}rsa-{bits}": ("RSA", bits.upper()) for bits in ("sha256", "sha384", "sha512")},
    **{f"{_MORE}ecdsa-{bits}": ("ECDSA", bits.upper()) for bits in ("sha256", "sha384", "sha512")},
    **{f"{_MORE_2007}{bits}-rsa-MGF1": ("PSS", bits.upper()) for bits in ("sha256", "sha384", "sha512")},
}
"""SignatureMethod -> (kind of key and padding, digest): RFC 9231, 2.3."""

_MAX_REFERENCES = 30
_MAX_TRANSFORMS = 20
"""Of one reference; usual are three."""
_MAX_CERTIFICATES = 20
_SPACE = dict.fromkeys(map(ord, " \t\r\n"))


class Fault(Exception):
    """What a signature fails of; it never leaves `verification`. ``reason`` begins with a sub-indication of
    EN 319 102-1, 5.1.3, and quotes nothing of the file."""

    def __init__(self, indication: Indication, reason: str, check: Check) -> None:
        super().__init__(reason)
        self.indication = indication
        self.reason = reason
        self.check = check


@dataclass(frozen=True, slots=True)
class Reference:
    element: Element
    uri: str | None
    transforms: tuple[Element, ...]
    algorithm: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class SignatureParts:
    """What ds:Signature holds. ``properties`` is its xades:SignedProperties, or None."""

    element: Element
    signed_info: Element
    canonicalization: Element
    method: str
    references: tuple[Reference, ...]
    value: bytes
    certificates: tuple[bytes, ...]
    """DER as they came along, in no particular order."""
    properties: Element | None


def read_signature(element: Element) -> SignatureParts:
    """Raises: Fault."""
    children = list(element.iterchildren("*"))
    names = [child.tag for child in children]
    known = [ds("SignedInfo"), ds("SignatureValue"), ds("KeyInfo")]
    rest = names[3:] if names[2:3] == [ds("KeyInfo")] else names[2:]
    if names[:2] != known[:2] or any(name != ds("Object") for name in rest):
        raise malformed("ds:Signature does not have the elements that it must have")
    signed_info, value = children[:2]
    match list(signed_info.iterchildren("*")):
        case [canonicalization, method, *references] if (
            canonicalization.tag == ds("CanonicalizationMethod")
            and method.tag == ds("SignatureMethod")
            and references
            and all(reference.tag == ds("Reference") for reference in references)
        ):
            pass
        case _:
            raise malformed("ds:SignedInfo does not have the elements that it must have")
    if len(references) > _MAX_REFERENCES:
        raise malformed("it has too many references")
    return SignatureParts(
        element=element,
        signed_info=signed_info,
        canonicalization=canonicalization,
        method=method.get("Algorithm", ""),
        references=tuple(map(_reference, references)),
        value=decode(text(value)),
        certificates=_certificates(children[2]) if rest != names[2:] else (),
        properties=_properties(element),
    )


def _reference(element: Element) -> Reference:
    children = list(element.iterchildren("*"))
    transforms: list[Element] = []
    if children and children[0].tag == ds("Transforms"):
        transforms = list(children.pop(0).iterchildren("*"))
    if [child.tag for child in children] != [ds("DigestMethod"), ds("DigestValue")] or any(
        transform.tag != ds("Transform") for transform in transforms
    ):
        raise malformed("ds:Reference does not have the elements that it must have")
    if len(transforms) > _MAX_TRANSFORMS:
        raise malformed("a reference has too many transforms")
    method, value = children
    return Reference(element, element.get("URI"), tuple(transforms), method.get("Algorithm", ""), decode(text(value)))


def _certificates(key_info: Element) -> tuple[bytes, ...]:
    found = []
    for element in key_info.iterfind(f"{ds('X509Data')}/{ds('X509Certificate')}"):
        try:
            found.append(decode(text(element)))
        except Fault:
            continue  # as if it had not come along
    return tuple(dict.fromkeys(found))[:_MAX_CERTIFICATES]


def _properties(element: Element) -> Element | None:
    """EN 319 132-1, 4.3.2: one QualifyingProperties, in a ds:Object of its own signature, whose Target it is."""
    found = element.findall(f"{ds('Object')}/{xa('QualifyingProperties')}")
    if not found:
        return None
    if len(found) > 1:
        raise malformed("it has several QualifyingProperties")
    if found[0].get("Target", "").removeprefix("#") != element.get("Id", ""):
        raise malformed("its QualifyingProperties are about another signature")
    match list(found[0].iterchildren(xa("SignedProperties"))):
        case []:
            return None
        case [properties]:
            return properties
        case _:
            raise malformed("it has several SignedProperties")


# -- signed properties -----------------------------------------------------------------------------


def signing_time(properties: Element | None) -> datetime | None:
    """The claim of the signer; None also for a time that is none."""
    found = _signature_property(properties, "SigningTime")
    if found is None:
        return None
    try:
        time = datetime.fromisoformat(text(found).strip())
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (Fault, ValueError, OverflowError):
        return None


def certificate_digest(properties: Element | None) -> tuple[str, bytes] | None:
    """(algorithm, digest) of the signer's certificate, which is the first (EN 319 132-1, 5.2.2). Raises: Fault."""
    for name in ("SigningCertificateV2", "SigningCertificate"):
        found = _signature_property(properties, name)
        if found is None:
            continue
        method = found.find(f"{xa('Cert')}/{xa('CertDigest')}/{ds('DigestMethod')}")
        value = found.find(f"{xa('Cert')}/{xa('CertDigest')}/{ds('DigestValue')}")
        if method is None or value is None:
            raise malformed("its SigningCertificate has no digest")
        return method.get("Algorithm", ""), decode(text(value))
    return None


def signature_policy(properties: Element | None) -> SignaturePolicy | None:
    """An explicit policy (EN 319 132-1, 5.2.9); None without one, or when it cannot be read."""
    found = _signature_property(properties, "SignaturePolicyIdentifier")
    policy = None if found is None else found.find(xa("SignaturePolicyId"))
    identifier = None if policy is None else policy.find(f"{xa('SigPolicyId')}/{xa('Identifier')}")
    if policy is None or identifier is None:
        return None
    try:
        method = policy.find(f"{xa('SigPolicyHash')}/{ds('DigestMethod')}")
        value = policy.find(f"{xa('SigPolicyHash')}/{ds('DigestValue')}")
        uri = policy.find(f"{xa('SigPolicyQualifiers')}/{xa('SigPolicyQualifier')}/{xa('SPURI')}")
        name = None if method is None else DIGESTS.get(method.get("Algorithm", ""))
        return SignaturePolicy(
            oid=re.sub(r"^urn:oid:", "", text(identifier).strip(), flags=re.IGNORECASE),
            uri=None if uri is None else text(uri).strip(),
            digest=None if name is None or value is None else DigestValue(name, decode(text(value))),
        )
    except Fault:
        return None


def _signature_property(properties: Element | None, name: str) -> Element | None:
    if properties is None:
        return None
    return properties.find(f"{xa('SignedSignatureProperties')}/{xa(name)}")


# -- values ----------------------------------------------------------------------------------------


def ds(name: str) -> str:
    return f"{{{DS}}}{name}"


def xa(name: str) -> str:
    return f"{{{XADES}}}{name}"


def text(element: Element) -> str:
    """All of it or nothing: a comment cuts what a parser shows in two, while the canonical form has no comments."""
    if len(element):
        raise malformed("a value has something else in it")
    found: str = element.text or ""
    return found


def decode(value: str) -> bytes:
    """Raises: Fault for what is not base64."""
    try:
        return base64.b64decode(value.translate(_SPACE).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeError) as error:
        reason = "FORMAT_FAILURE: a value is not base64"
        raise Fault(Indication.TOTAL_FAILED, reason, Check.DECODE_ERROR) from error


def malformed(reason: str) -> Fault:
    return Fault(Indication.TOTAL_FAILED, f"FORMAT_FAILURE: {reason}", Check.INVALID_XML_SIGNATURE_SCHEMA)


def unsupported(reason: str) -> Fault:
    """What is signed cannot be told: not passed, not failed."""
    return Fault(Indication.INDETERMINATE, f"GENERIC: {reason}", Check.XML_DSIG_CORE_VALIDATION_FAILED)
