"""Judge the signatures of an XML file like a stranger's: core validation (XMLDSIG, 3.2) and what XAdES adds
(EN 319 132-1; EN 319 102-1, 5.1.3). Integrity only: whom to trust is `trust`'s affair, and nothing is fetched.

Each signature is judged by these steps, and ends at the first that fails:

1. Its shape is that of the schema, and its values can be read.
2. Each reference leads to one place of this file, by a way that is on a short list, and to the digest it claims.
3. Something is signed beside the signature's own properties, and the properties are its own.
4. The value fits SignedInfo and the key of a certificate that came along.
5. The signed properties name that certificate.
6. Digests and keys are not too weak today.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from signroom.domain.errors import InvalidXml
from signroom.domain.signature import Indication, SignatureVerdict
from signroom.domain.validation import Check
from signroom.formats.certificate import load_certificate
from signroom.formats.xml.canonical import octets
from signroom.formats.xml.reading import XmlDocument
from signroom.formats.xml.signature import (
    DIGESTS,
    METHODS,
    Fault,
    Reference,
    SignatureParts,
    certificate_digest,
    ds,
    malformed,
    read_signature,
    signing_time,
    unsupported,
    xa,
)
from signroom.formats.xml.transforms import canonicalization, referenced_digest, target

if TYPE_CHECKING:
    from lxml.etree import _Element as Element  # type: ignore[import-untyped]

_HASHES: dict[str, hashes.HashAlgorithm] = {
    "SHA1": hashes.SHA1(),  # noqa: S303 - to say that it fits, and is too weak
    "SHA256": hashes.SHA256(),
    "SHA384": hashes.SHA384(),
    "SHA512": hashes.SHA512(),
}
_WEAK = frozenset({"SHA1"})
_MIN_RSA_BITS, _MIN_EC_BITS = 2048, 224
_MAX_EXPONENT = 64
"""Bits. OpenSSL takes any exponent with a modulus of up to 3072 bits: a value then costs as much as signing."""
_WORK_OF_A_VALUE = 1 << 18
"""Octets whose reading takes as long as the slowest check of a value."""
_EPOCH = datetime.min.replace(tzinfo=UTC)

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


@dataclass(frozen=True, slots=True)
class JudgedSignature:
    """``parts`` is None when they cannot be read, ``fault`` when nothing is wrong."""

    element: Element
    verdict: SignatureVerdict
    parts: SignatureParts | None = None
    fault: Fault | None = None
    passed: tuple[Check, ...] = ()
    signed: tuple[Reference, ...] = ()
    """The references to what is signed, that to its own properties left out."""
    signed_element: Element | None = None
    """None for a whole document, or when nothing is known."""


def judge(document: XmlDocument) -> list[JudgedSignature]:
    """In the order of the signing times that they claim, those without one first. Raises: XmlTooComplex."""
    judged = [judge_signature(document, element) for element in document.signatures]
    return sorted(judged, key=lambda found: found.verdict.signed_at or _EPOCH)


def judge_signature(document: XmlDocument, element: Element) -> JudgedSignature:
    """Raises: XmlTooComplex."""
    try:
        parts = read_signature(element)
    except Fault as unreadable:
        return JudgedSignature(element, _verdict(unreadable, b"", None, covers_whole_file=False), fault=unreadable)
    own = _own_reference(document, parts)
    signed = tuple(reference for reference in parts.references if reference is not own)
    signer, passed, fault = _steps(document, parts, own, signed)
    whole = any(reference.uri == "" for reference in signed)
    covers = whole and Check.MESSAGE_DIGEST_MISMATCH in passed
    return JudgedSignature(
        element=element,
        verdict=_verdict(fault, signer, signing_time(parts.properties), covers_whole_file=covers),
        parts=parts,
        fault=fault,
        passed=passed,
        signed=signed,
        signed_element=None if whole else _first_target(document, signed),
    )


def _verdict(
    fault: Fault | None, signer: bytes, signed_at: datetime | None, *, covers_whole_file: bool
) -> SignatureVerdict:
    indication = Indication.TOTAL_PASSED if fault is None else fault.indication
    return SignatureVerdict(
        field_name="",
        indication=indication,
        reason=None if fault is None else fault.reason,
        certificate=signer,
        signed_at=signed_at,
        covers_whole_file=covers_whole_file and indication is not Indication.TOTAL_FAILED,
    )


def _steps(
    document: XmlDocument, parts: SignatureParts, own: Reference | None, signed: Sequence[Reference]
) -> tuple[bytes, tuple[Check, ...], Fault | None]:
    """The signer's certificate as far as it is known, what was found right, and what was found wrong."""
    signer = b""
    passed: list[Check] = []
    try:
        signed_info = octets(document, parts.signed_info, canonicalization(parts.canonicalization))
        signer = _signer(document, parts, signed_info)
        _require_digests(document, parts)
        _require_something_signed(document, parts, own, signed)
        passed.append(Check.MESSAGE_DIGEST_MISMATCH)
        _require_value(parts, signed_info, signer)
        passed += [Check.SIGNATURE_ALGORITHM_VALIDATION_FAILED, Check.XML_DSIG_CORE_VALIDATION_FAILED]
        _require_bound(parts, signer)
        passed.append(Check.SIGNING_CERTIFICATE_DIGEST_MISMATCH)
        _require_strong(parts, signer)
    except Fault as fault:
        return signer, tuple(passed), fault
    except InvalidXml:
        return signer, tuple(passed), unsupported("what is signed has no canonical form")
    return signer, tuple(passed), None


# -- references ------------------------------------------------------------------------------------


def _require_digests(document: XmlDocument, parts: SignatureParts) -> None:
    for reference in parts.references:
        if referenced_digest(document, parts.element, reference) != reference.digest:
            raise Fault(Indication.TOTAL_FAILED, "HASH_FAILURE", Check.MESSAGE_DIGEST_MISMATCH)


def _own_reference(document: XmlDocument, parts: SignatureParts) -> Reference | None:
    """The one to its own SignedProperties, found by where it leads: a Type is only a claim."""
    if parts.properties is None:
        return None
    for reference in parts.references:
        try:
            if target(document, reference) is parts.properties:
                return reference
        except Fault:
            continue
    return None


def _require_something_signed(
    document: XmlDocument, parts: SignatureParts, own: Reference | None, signed: Sequence[Reference]
) -> None:
    if parts.properties is not None and own is None:
        raise malformed("its SignedProperties are not signed")
    if not any(_is_content(target(document, reference), parts.element) for reference in signed):
        raise malformed("it signs nothing but itself")


def _is_content(element: Element | None, signature: Element) -> bool:
    """Not the signature's own KeyInfo or properties; what its ds:Object holds is content (XMLDSIG, 4.5)."""
    if element is None:
        return True
    line = [element, *element.iterancestors()]
    if signature not in line:
        return True
    below = line[: line.index(signature)]
    return bool(below) and below[-1].tag == ds("Object") and below[-1].find(xa("QualifyingProperties")) is None


def _first_target(document: XmlDocument, signed: Sequence[Reference]) -> Element | None:
    for reference in signed:
        try:
            found = target(document, reference)
        except Fault:
            continue
        if found is not None:
            return found
    return None


# -- value and certificate -------------------------------------------------------------------------


def signer_of(document: XmlDocument, parts: SignatureParts) -> bytes:
    """The signer's certificate as `judge_signature` finds it; empty when there is none. Raises: Fault, InvalidXml."""
    return _signer(document, parts, octets(document, parts.signed_info, canonicalization(parts.canonicalization)))


def value_as_checked(parts: SignatureParts, certificate: bytes) -> bytes:
    """The signature value as in `CheckedValue`: that of ECDSA as DER. What is no such value stays as it is."""
    try:
        key = _public_key(certificate)
        return _as_der(parts.value, key) if isinstance(key, ec.EllipticCurvePublicKey) else parts.value
    except (UnsupportedAlgorithm, ValueError, TypeError):
        return parts.value


def _signer(document: XmlDocument, parts: SignatureParts, signed_info: bytes) -> bytes:
    """The certificate that the properties name, else the one whose key made the value, else the first; or none."""
    bound = certificate_digest(parts.properties)
    if bound is not None and bound[0] in DIGESTS:
        for der in parts.certificates:
            if hashlib.new(DIGESTS[bound[0]], der).digest() == bound[1]:
                return der
    for der in parts.certificates:
        document.spend(_WORK_OF_A_VALUE)
        if _fits(parts, signed_info, der):
            return der
    return parts.certificates[0] if parts.certificates else b""


def _fits(parts: SignatureParts, signed_info: bytes, der: bytes) -> bool:
    try:
        _require_value(parts, signed_info, der)
    except Fault:
        return False
    return True


def _require_value(parts: SignatureParts, signed_info: bytes, der: bytes) -> None:
    if parts.method not in METHODS:
        raise _unknown("the signature algorithm is not known here")
    if not der:
        reason = "NO_SIGNING_CERTIFICATE_FOUND"
        raise Fault(Indication.INDETERMINATE, reason, Check.SIGNING_CERTIFICATE_NOT_FOUND)
    kind, digest = METHODS[parts.method]
    algorithm = _HASHES[digest]
    failure = Fault(Indication.TOTAL_FAILED, "SIG_CRYPTO_FAILURE", Check.SIGNATURE_ALGORITHM_VALIDATION_FAILED)
    try:
        key = _public_key(der)
        if isinstance(key, rsa.RSAPublicKey) and kind == "RSA":
            key.verify(parts.value, signed_info, padding.PKCS1v15(), algorithm)
        elif isinstance(key, rsa.RSAPublicKey) and kind == "PSS":
            key.verify(parts.value, signed_info, padding.PSS(padding.MGF1(algorithm), algorithm.digest_size), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey) and kind == "ECDSA":
            key.verify(_as_der(parts.value, key), signed_info, ec.ECDSA(algorithm))
        else:
            raise failure
    except UnsupportedAlgorithm:
        raise _unknown("the key is of a kind that is not known here") from None
    except (InvalidSignature, ValueError, TypeError):
        raise failure from None


def _public_key(der: bytes) -> PublicKey | None:
    """None for other kinds. Raises: ValueError, UnsupportedAlgorithm."""
    key = load_certificate(der).public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.public_numbers().e.bit_length() > _MAX_EXPONENT:
        raise UnsupportedAlgorithm("exponent")
    return key if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) else None


def _as_der(value: bytes, key: ec.EllipticCurvePublicKey) -> bytes:
    """XMLDSIG 1.1, 6.4.3: r||s, each as long as the order of the curve. Raises: ValueError."""
    width = (key.curve.key_size + 7) // 8
    if len(value) != 2 * width:
        raise ValueError
    return encode_dss_signature(int.from_bytes(value[:width], "big"), int.from_bytes(value[width:], "big"))


def _require_bound(parts: SignatureParts, der: bytes) -> None:
    bound = certificate_digest(parts.properties)
    if bound is None:
        reason = "SIG_CONSTRAINTS_FAILURE: no signed property names the signer's certificate"
        raise Fault(Indication.INDETERMINATE, reason, Check.SIGNATURE_VULNERABLE_TO_SIGNER_SUBSTITUTION)
    algorithm, digest = bound
    if algorithm not in DIGESTS:
        raise _unknown("the digest algorithm of SigningCertificate is not known here")
    if hashlib.new(DIGESTS[algorithm], der).digest() != digest:
        reason = "FORMAT_FAILURE: the signed properties name another certificate"
        raise Fault(Indication.TOTAL_FAILED, reason, Check.SIGNING_CERTIFICATE_DIGEST_MISMATCH)


def _require_strong(parts: SignatureParts, der: bytes) -> None:
    """Digests and keys that could be forged today prove nothing by themselves (EN 319 102-1, 5.2.8)."""
    used = {METHODS[parts.method][1], *(DIGESTS[reference.algorithm] for reference in parts.references)}
    key = _public_key(der)
    short = key is None or key.key_size < (_MIN_RSA_BITS if isinstance(key, rsa.RSAPublicKey) else _MIN_EC_BITS)
    if short or used & _WEAK:
        reason = "CRYPTO_CONSTRAINTS_FAILURE_NO_POE: a digest or key that is too weak today"
        raise Fault(Indication.INDETERMINATE, reason, Check.ALGORITHM_NOT_ALLOWED)


def _unknown(what: str) -> Fault:
    return Fault(Indication.INDETERMINATE, f"GENERIC: {what}", Check.ALGORITHM_NOT_ALLOWED)
