"""The checks of one signer of a CMS object, each with what it says (EN 319 102-1, 5.2; RFC 5652, 5.6)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from signroom.domain.validation import Check, Outcome, ValidationItem
from signroom.formats.cms.facts import DIGESTS

if TYPE_CHECKING:
    from asn1crypto.cms import SignerInfo

HASHES = {*DIGESTS, "sha224", "sha512_224", "sha512_256", "sha3_224", "sha3_384", "sha3_512"}
"""Digests that are computed here, by their names in asn1crypto and hashlib; the contract has no word for some."""


def message_digest(*, intact: bool | None) -> ValidationItem:
    """None: the content is not here."""
    if intact is None:
        message = "The content is not here, so its digest could not be compared."
        return ValidationItem(Check.MESSAGE_DIGEST_MISMATCH, Outcome.WARNING, message)
    if intact:
        message = "The message digest is that of the content."
        return ValidationItem(Check.MESSAGE_DIGEST_MISMATCH, Outcome.PASSED, message)
    return _error(Check.MESSAGE_DIGEST_MISMATCH, "The content was changed, or is another one.")


def value(*, valid: bool) -> ValidationItem:
    if valid:
        message = "The signature value fits the signed attributes and the certificate's key."
        return ValidationItem(Check.SIGNATURE_ALGORITHM_VALIDATION_FAILED, Outcome.PASSED, message)
    message = "The signature value does not fit the signed attributes and the certificate's key."
    return _error(Check.SIGNATURE_ALGORITHM_VALIDATION_FAILED, message)


def binding(attributes: dict[str, Any], certificate: Any) -> ValidationItem:
    """Signing-certificate (RFC 2634) or its second version (RFC 5035): the first entry is the signer's."""
    second = attributes.get("signing_certificate_v2")
    named = second if second is not None else attributes.get("signing_certificate")
    if named is None:
        message = "The signed attributes do not say which certificate is the signer's: another one could be put there."
        return ValidationItem(Check.SIGNATURE_VULNERABLE_TO_SIGNER_SUBSTITUTION, Outcome.WARNING, message)
    first = named["certs"][0]
    algorithm = first["hash_algorithm"]["algorithm"].native if second is not None else "sha1"
    if hashlib.new(algorithm, certificate.dump(), usedforsecurity=False).digest() != first["cert_hash"].native:
        message = "The signed attributes name another certificate than the signer's."
        return _error(Check.SIGNING_CERTIFICATE_DIGEST_MISMATCH, message)
    message = "The signed attributes name the signer's certificate."
    return ValidationItem(Check.SIGNING_CERTIFICATE_DIGEST_MISMATCH, Outcome.PASSED, message)


def malformed(attributes: dict[str, Any], kind: str, reason: str) -> ValidationItem:
    """Why attributes cannot be what they should: one is missing, or is about another `kind` of content."""
    for name in ("content_type", "message_digest"):
        if name not in attributes:
            text = name.replace("_", "-")
            return _error(Check.REQUIRED_SIGNED_ATTRIBUTE_MISSING, f"The signed attribute {text} is missing.")
    if attributes["content_type"].native != kind:
        return _error(Check.CONTENT_TYPE_MISMATCH, "The signed attribute content-type is not the content's.")
    return not_well_formed(reason)


def not_well_formed(detail: str) -> ValidationItem:
    return _error(Check.DECODE_ERROR, "The signature is not well formed.", detail)


def certificate_not_found() -> ValidationItem:
    return _error(Check.SIGNING_CERTIFICATE_NOT_FOUND, "The signer's certificate is not in the CMS object.")


def attributes_as_content() -> ValidationItem:
    """Anybody can make this of a signature with attributes: they become the content, and the value still fits."""
    message = "There are no signed attributes, and the content is what they would be: it was not meant to be signed."
    return _error(Check.REQUIRED_SIGNED_ATTRIBUTE_MISSING, message)


def no_attributes() -> ValidationItem:
    message = "There are no signed attributes, so neither time nor certificate are signed."
    return ValidationItem(Check.REQUIRED_SIGNED_ATTRIBUTE_MISSING, Outcome.WARNING, message)


def algorithm_not_known(what: str) -> ValidationItem:
    return _error(Check.ALGORITHM_NOT_ALLOWED, f"The {what} algorithm is not known here.")


def too_weak() -> ValidationItem:
    message = "The digest or the key is too weak today: it proves nothing by itself."
    return ValidationItem(Check.ALGORITHM_NOT_ALLOWED, Outcome.WARNING, message)


def known_family(signer: SignerInfo) -> bool:
    """One that pyHanko verifies: of others it would say that the value is wrong."""
    algorithm = signer["signature_algorithm"]
    try:
        _ = algorithm.signature_algo
    except ValueError:
        return str(algorithm["algorithm"].native).startswith("mldsa")
    return True


def strong(signer: SignerInfo, certificate: Any) -> bool:
    """Digests and keys that could be forged today prove nothing by themselves (EN 319 102-1, 5.2.8)."""
    from pyhanko.sign.validation.utils import DEFAULT_ALGORITHM_USAGE_POLICY as POLICY

    algorithm, hashing = signer["signature_algorithm"], signer["digest_algorithm"]
    return bool(
        POLICY.signature_algorithm_allowed(algorithm, None, certificate.public_key)
        and POLICY.digest_algorithm_allowed(hashing, None)
    )


def _error(check: Check, message: str, detail: str | None = None) -> ValidationItem:
    return ValidationItem(check, Outcome.ERROR, message, detail)
