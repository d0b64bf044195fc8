"""Judge the signature object in a stranger's PDF: digest, signed attributes, value (ISO 32000-2, 12.8.3).

The rules for our own new signatures are not applied. A signature is broken when something was computed and does not
fit. What cannot be read or computed is unproven or unsupported, and never broken: the signer did nothing wrong.
Whom to trust, and what was changed later, is judged elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from signroom.domain.errors import InvalidCms
from signroom.domain.signature import Indication
from signroom.domain.validation import Check, Outcome, ValidationItem, ValidationResults
from signroom.formats.cms import checks
from signroom.formats.cms.hashing import WEAK, digest_name
from signroom.formats.cms.reading import CmsFile, only_refusals, read_cms_octets
from signroom.formats.cms.signature_value import NotComputable, check_value
from signroom.formats.cms.verification import Data, JudgedSigner, judge
from signroom.formats.malformed import MALFORMED

DigestOf = Callable[[str], bytes | None]
"""The digest of the byte range by the algorithm of this name (``hashing.new_hash``); None when it is not known."""

_DETACHED = {"adbe.pkcs7.detached", "ETSI.CAdES.detached"}
_SHA1 = "adbe.pkcs7.sha1"
_BARE = "adbe.x509.rsa_sha1"
_TIMESTAMP = "ETSI.RFC3161"
_TOO_WEAK = "CRYPTO_CONSTRAINTS_FAILURE_NO_POE"


class Integrity(StrEnum):
    """What is known of a stranger's signature."""

    INTACT = "intact"
    BROKEN = "broken"
    """A digest, a value or the named certificate is wrong."""
    UNPROVEN = "unproven"
    """It cannot be read, or something that is needed is not there."""
    UNSUPPORTED = "unsupported"
    """It is of a kind, or its algorithm or key is of a kind, that cannot be judged here."""


_WORDS = {
    "HASH_FAILURE": Integrity.BROKEN,
    "SIG_CRYPTO_FAILURE": Integrity.BROKEN,
    "CRYPTO_CONSTRAINTS_FAILURE": Integrity.UNSUPPORTED,
    _TOO_WEAK: Integrity.INTACT,
    "SIG_CONSTRAINTS_FAILURE": Integrity.INTACT,  # without signed attributes, which was usual
}
"""By the reason of a verdict (EN 319 102-1, 5.1.3). Whatever is not here is unproven."""


@dataclass(frozen=True, slots=True)
class ForeignSignature:
    """One signer of a signature object, judged."""

    integrity: Integrity
    reason: str | None
    """A sentence; None when it is intact and nothing is to be said."""
    certificate: bytes | None
    """The signer's, DER. None when it is not there."""
    claimed_at: datetime | None
    """Told by the signer; of a document timestamp, by its authority."""
    is_weak: bool
    """Intact by a digest or a key that could be forged today: a warning (AlgorithmNotAllowed)."""
    results: ValidationResults
    """The checks behind it."""


def judge_contents(
    contents: bytes, kind: str, digest_of: DigestOf, certificate: bytes | None = None
) -> tuple[ForeignSignature, ...]:
    """Judge each signer in `contents`; there is always at least one judgement.

    Args:
        contents: the octets of /Contents, padding included.
        kind: /SubFilter, without the slash.
        digest_of: of the byte range.
        certificate: the first of /Cert, DER; only adbe.x509.rsa_sha1 needs it.
    """
    try:
        with only_refusals():
            if kind == _BARE:
                return (_judge_bare(contents, digest_of, certificate),)
            if kind not in {*_DETACHED, _SHA1, _TIMESTAMP}:
                return (
                    _without_checks(Integrity.UNSUPPORTED, "This kind of signature is not known here.", certificate),
                )
            found = read_cms_octets(contents)
            if found is None:
                return (_without_checks(Integrity.UNPROVEN, "It holds no CMS object."),)
            return _judge_object(found, kind, digest_of)
    except InvalidCms:
        return (_without_checks(Integrity.UNPROVEN, "Its CMS object cannot be read."),)


def _judge_object(found: CmsFile, kind: str, digest_of: DigestOf) -> tuple[ForeignSignature, ...]:
    if kind == _SHA1 and found.content is not None:
        digest = digest_of("sha1")
        same = None if digest is None else digest == _octets(found)
        return tuple(_with_content(one, same, is_weak=True) for one in _judged(found, Data(found.content, ())))
    if kind == _TIMESTAMP:
        return _judge_timestamp(found, digest_of)
    return _judged(found, _ByteRange(digest_of))


def _judge_timestamp(found: CmsFile, digest_of: DigestOf) -> tuple[ForeignSignature, ...]:
    """The content is a TSTInfo (RFC 3161, 2.4.2) with the digest of the byte range in it."""
    from asn1crypto.tsp import TSTInfo

    if found.content is None or found.signed["encap_content_info"]["content_type"].native != "tst_info":
        return (_without_checks(Integrity.UNPROVEN, "It holds no timestamp."),)
    token = TSTInfo.load(_octets(found))
    imprint = token["message_imprint"]
    name = digest_name(imprint["hash_algorithm"])
    digest = None if name is None else digest_of(name)
    time = token["gen_time"].native.astimezone(UTC)
    same = None if digest is None else digest == imprint["hashed_message"].native
    return tuple(
        replace(_with_content(one, same, is_weak=name in WEAK), claimed_at=time)
        for one in _judged(found, Data(found.content, ()))
    )


def _judge_bare(contents: bytes, digest_of: DigestOf, certificate: bytes | None) -> ForeignSignature:
    """An OCTET STRING with the value and nothing more (ISO 32000-1, 12.8.3.2)."""
    from asn1crypto.algos import SignedDigestAlgorithm
    from asn1crypto.core import OctetString
    from asn1crypto.x509 import Certificate

    if certificate is None:
        return _without_checks(Integrity.UNPROVEN, "The signer's certificate is not there.")
    try:
        value = OctetString.load(contents).native
        key = Certificate.load(certificate).public_key
        algorithm = SignedDigestAlgorithm({"algorithm": "rsassa_pkcs1v15"})
        fitting = check_value(value, key, algorithm, None, [_ByteRange(digest_of)])
    except NotComputable as error:
        return _of_items(Integrity.UNSUPPORTED, certificate, checks.algorithm_not_known(str(error)))
    except MALFORMED:
        return _without_checks(Integrity.UNPROVEN, "It holds no signature value.", certificate)
    if fitting is None:
        return _of_items(Integrity.BROKEN, certificate, checks.message_digest(intact=False))
    items = (checks.message_digest(intact=True), checks.value(valid=True))
    if not fitting.is_weak:
        return _of_items(Integrity.INTACT, certificate, *items)
    return replace(_of_items(Integrity.INTACT, certificate, *items, checks.too_weak()), is_weak=True)


@dataclass(frozen=True, slots=True)
class _ByteRange:
    """What a PDF's signature covers, known by its digests."""

    digest_of: DigestOf
    octets: bytes | None = None

    def digest(self, algorithm: str) -> bytes | None:
        return self.digest_of(algorithm)

    def looks_like_attributes(self) -> bool:
        """A PDF cannot be a SET of attributes: nobody but its signer makes those."""
        return False


def _judged(found: CmsFile, covered: Data | _ByteRange) -> tuple[ForeignSignature, ...]:
    signers = judge(found, covered)
    if not signers:
        return (_without_checks(Integrity.UNPROVEN, "Its CMS object has no signer."),)
    return tuple(_translated(one) for one in signers)


def _translated(one: JudgedSigner) -> ForeignSignature:
    verdict = one.verdict
    integrity = _integrity(verdict.indication, verdict.reason, one.results)
    result = _of_items(integrity, verdict.certificate or None, *one.results.items)
    return replace(result, claimed_at=verdict.signed_at, is_weak=verdict.reason == _TOO_WEAK)


def _integrity(indication: Indication, reason: str | None, results: ValidationResults) -> Integrity:
    """The conclusions of `verification` in other words."""
    if indication is Indication.TOTAL_PASSED:
        return Integrity.INTACT
    if indication is Indication.TOTAL_FAILED and _names_another_certificate(results):
        return Integrity.BROKEN
    return _WORDS.get(reason or "", Integrity.UNPROVEN)


def _names_another_certificate(results: ValidationResults) -> bool:
    return any(item.check is Check.SIGNING_CERTIFICATE_DIGEST_MISMATCH for item in results.errors)


def _with_content(one: ForeignSignature, same: bool | None, *, is_weak: bool) -> ForeignSignature:
    """A signature of a content that says what the digest of the byte range is. None: that digest is not known."""
    if same is None and one.integrity is Integrity.INTACT:
        return replace(one, integrity=Integrity.UNSUPPORTED, reason="The digest algorithm is not known here.")
    if same is False:
        item = checks.message_digest(intact=False)
        results = ValidationResults((item, *one.results.items))
        return replace(one, integrity=Integrity.BROKEN, reason=item.message, is_weak=False, results=results)
    if is_weak and not one.is_weak and one.integrity is Integrity.INTACT:
        item = checks.too_weak()
        results = ValidationResults((*one.results.items, item))
        return replace(one, reason=item.message, is_weak=True, results=results)
    return one


def _octets(found: CmsFile) -> bytes:
    return b"" if found.content is None else b"".join(found.content.chunks())


def _of_items(integrity: Integrity, certificate: bytes | None, *items: ValidationItem) -> ForeignSignature:
    results = ValidationResults(items)
    said: Any = (*results.errors, *results.with_outcome(Outcome.WARNING))
    reason = said[0].message if said else None
    return ForeignSignature(integrity, reason, certificate, None, is_weak=False, results=results)


def _without_checks(integrity: Integrity, reason: str, certificate: bytes | None = None) -> ForeignSignature:
    return ForeignSignature(integrity, reason, certificate, None, is_weak=False, results=ValidationResults())
