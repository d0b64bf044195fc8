"""The checks of one signer of a CMS object, each with what it says (EN 319 102-1, 5.2; RFC 5652, 5.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from signroom.domain.validation import Check, Outcome, ValidationItem
from signroom.formats.cms.hashing import digest_of

if TYPE_CHECKING:
    from asn1crypto.cms import SignerInfo

_ESSENTIAL = ("content_type", "message_digest", "signing_certificate", "signing_certificate_v2")


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
    if digest_of(certificate.dump(), algorithm) != first["cert_hash"].native:
        message = "The signed attributes name another certificate than the signer's."
        return _error(Check.SIGNING_CERTIFICATE_DIGEST_MISMATCH, message)
    message = "The signed attributes name the signer's certificate."
    return ValidationItem(Check.SIGNING_CERTIFICATE_DIGEST_MISMATCH, Outcome.PASSED, message)


def attributes(signer: SignerInfo, attributes: dict[str, Any], kind: str) -> ValidationItem | None:
    """What is wrong with the signed attributes of a signer (RFC 5652, 11; RFC 6211, 2); None when nothing is.

    `attributes`: by name. `kind`: the type of the content.
    """
    if not signer["signed_attrs"]:
        return None
    for name in ("content_type", "message_digest"):
        if name not in attributes:
            text = name.replace("_", "-")
            return _error(Check.REQUIRED_SIGNED_ATTRIBUTE_MISSING, f"The signed attribute {text} is missing.")
    if attributes["content_type"].native != kind:
        return _error(Check.CONTENT_TYPE_MISMATCH, "The signed attribute content-type is not the content's.")
    names = [attribute["type"].native for attribute in signer["signed_attrs"]]
    if any(names.count(name) > 1 for name in _ESSENTIAL):
        return not_well_formed("An attribute is there twice.")
    protected = attributes.get("cms_algorithm_protection")
    if protected is not None and not _same_algorithms(signer, protected):
        return not_well_formed("The signed attributes name other algorithms than the signer.")
    return None


def _same_algorithms(signer: SignerInfo, protected: Any) -> bool:
    pairs = [(signer[name]["algorithm"], protected[name]) for name in ("digest_algorithm", "signature_algorithm")]
    return all(bool(named) and named["algorithm"].dotted == used.dotted for used, named in pairs)


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


def _error(check: Check, message: str, detail: str | None = None) -> ValidationItem:
    return ValidationItem(check, Outcome.ERROR, message, detail)
