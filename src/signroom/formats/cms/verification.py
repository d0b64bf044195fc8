"""Judge the signers of a CMS object like a stranger's, one by one (EN 319 102-1, 5.2; RFC 5652, 5.6).

Integrity only: digest, signed attributes, value, and that the attributes name the certificate. Whom to trust is
`trust`'s affair.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from signroom.domain.errors import EmptyFile, NotSigned
from signroom.domain.examination import Examination, ExaminedSignature
from signroom.domain.signature import DigestValue, Indication, SignatureType, SignatureVerdict, Verdict
from signroom.domain.validation import Outcome, ValidationItem, ValidationResults
from signroom.formats.cms import checks
from signroom.formats.cms.facts import (
    DIGESTS,
    SignerCertificates,
    attributes_of,
    certificates_of,
    issuers_of,
    message_digest_of,
    policy_of,
    signature_algorithm_of,
)
from signroom.formats.cms.hashing import WEAK, digest_name
from signroom.formats.cms.reading import CmsFile, Content, digest, header, only_refusals, read_cms, whole
from signroom.formats.cms.signature_value import FittingValue, Message, NotComputable, Octets, check_value
from signroom.formats.malformed import MALFORMED

if TYPE_CHECKING:
    from asn1crypto.cms import SignerInfo

_LONGEST_ATTRIBUTES = 1 << 20
_LONGEST_UNSORTED = 1 << 16
"""Bytes of signed attributes that are put in order."""
_SET = 0x31
_MESSAGE_DIGEST = bytes.fromhex("06092a864886f70d010904")


@dataclass(frozen=True, slots=True)
class Data:
    """The content, or digests of it that came from outside.

    `claimed` is what a caller says the content of an attached object to be.
    """

    content: Content | None
    hashes: tuple[DigestValue, ...]
    claimed: Content | None = None
    known: dict[str, bytes] = field(default_factory=dict)
    """Digests of `content` that were computed: a large content is read once per algorithm."""

    def digest(self, algorithm: str) -> bytes | None:
        """`algorithm` as asn1crypto names it; None when it cannot be known."""
        if self.content is None:
            return next(iter(self._told(algorithm)), None)
        if algorithm not in self.known:
            self.known[algorithm] = digest(self.content, algorithm)
        return self.known[algorithm]

    def is_another(self) -> bool:
        """True when what a caller says of the content is not true: its octets, or one of its digests.

        Where there is no content, two digests by one algorithm must be the same.
        """
        if self.content is not None and self.claimed is not None:
            same_length = self.claimed.length == self.content.length
            if not same_length or digest(self.claimed, "sha256") != self.digest("sha256"):
                return True
        told = ((name, value) for name in DIGESTS for value in self._told(name))
        return any(value != self.digest(name) for name, value in told)

    def _told(self, algorithm: str) -> list[bytes]:
        return [h.value for h in self.hashes if h.algorithm == DIGESTS.get(algorithm)]

    def looks_like_attributes(self) -> bool:
        """The content is what another signer's key signs: attributes with a message digest (RFC 5652, 5.4)."""
        if self.content is None or self.content.length > _LONGEST_ATTRIBUTES:
            return False
        start = b"".join(self.content.chunks())
        return start[:1] == bytes([_SET]) and _MESSAGE_DIGEST in start


class Covered(Protocol):
    """What signers have signed: `Data`, or the byte range of a PDF."""

    def digest(self, algorithm: str) -> bytes | None:
        """`algorithm` as asn1crypto names it; None when it cannot be known."""

    def looks_like_attributes(self) -> bool:
        """It is what another signer's key signs: attributes with a message digest (RFC 5652, 5.4)."""


@dataclass(frozen=True, slots=True)
class _Digests:
    """The digests of what is covered, each computed once: a large content is read once per algorithm."""

    covered: Covered
    known: dict[str, bytes | None]
    octets: bytes | None = None
    """Never at hand: it may be large."""

    def digest(self, name: str) -> bytes | None:
        if name not in self.known:
            self.known[name] = self.covered.digest(name)
        return self.known[name]


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What came of the checks of one signer."""

    indication: Indication
    reason: str | None
    items: tuple[ValidationItem, ...]
    covers: bool = False
    """The content's digest is the signed one."""

    @classmethod
    def failed(cls, reason: str, *items: ValidationItem) -> Conclusion:
        return cls(Indication.TOTAL_FAILED, reason, items)

    @classmethod
    def undecided(cls, reason: str, *items: ValidationItem, covers: bool = False) -> Conclusion:
        return cls(Indication.INDETERMINATE, reason, items, covers)


@dataclass(frozen=True, slots=True)
class JudgedSigner:
    signer: SignerInfo
    verdict: SignatureVerdict
    results: ValidationResults
    data_missing: bool
    """The content's digest is not known, so nothing could be compared."""


def verify(file: Path, data: Path | None, data_hashes: tuple[DigestValue, ...] = ()) -> Verdict:
    """`data` or `data_hashes`: of a detached object. Raises: InvalidCms, NotSigned for what is no CMS object."""
    found = _read(file)
    with only_refusals():
        return Verdict(tuple(one.verdict for one in judge(found, beside(found, data, data_hashes))))


def examine(
    file: Path, data: Path | None, data_hashes: tuple[DigestValue, ...], extract_to: Path | None
) -> Examination:
    """Raises: EmptyFile, NotSigned, InvalidCms."""
    if file.stat().st_size == 0:
        raise EmptyFile
    found = _read(file)
    with only_refusals():
        judged = judge(found, beside(found, data, data_hashes))
        if not judged:
            raise NotSigned
        certificates = certificates_of(found.signed)
        signatures = tuple(_examined(one, certificates) for one in judged)
    if extract_to is not None and found.content is not None:
        with extract_to.open("wb") as target:
            for chunk in found.content.chunks():
                target.write(chunk)
    missing = next((name for one in judged if one.data_missing and (name := _contract_digest(one.signer))), None)
    return Examination(SignatureType.CMS, signatures, found.content is not None, missing)


def beside(found: CmsFile, data: Path | None, data_hashes: tuple[DigestValue, ...]) -> Data:
    """The content of an object: its own, or for a detached one what came beside it."""
    given = None if data is None else whole(data)
    if found.content is not None:
        return Data(found.content, data_hashes, given)
    return Data(given, data_hashes)


def judge(found: CmsFile, covered: Covered) -> list[JudgedSigner]:
    """In the order of the object. To be used inside `only_refusals`."""
    signers = list(found.signed["signer_infos"])
    certificates = SignerCertificates(found.signed)
    if isinstance(covered, Data) and covered.is_another():
        return [_about_another(certificates, signer) for signer in signers]
    digests = _Digests(covered, {})
    return [_judge(found, certificates, signer, digests) for signer in signers]


def judge_signer(found: CmsFile, number: int, covered: Covered) -> JudgedSigner:
    """One signer, by its place in the object. To be used inside `only_refusals`."""
    signer = found.signed["signer_infos"][number]
    return _judge(found, SignerCertificates(found.signed), signer, _Digests(covered, {}))


def _read(file: Path) -> CmsFile:
    found = read_cms(file)
    if found is None:
        raise NotSigned
    return found


def _contract_digest(signer: SignerInfo) -> str | None:
    return DIGESTS.get(signer["digest_algorithm"]["algorithm"].native)


def _judge(found: CmsFile, certificates: SignerCertificates, signer: SignerInfo, digests: _Digests) -> JudgedSigner:
    written = _attributes_as_written(signer)
    certificate = certificates.of(signer)
    algorithm = digest_name(signer["digest_algorithm"])
    known = None if algorithm is None else digests.digest(algorithm)
    missing = known is None and algorithm is not None
    try:
        if not signer["signed_attrs"] and digests.covered.looks_like_attributes():
            return _judged(signer, certificate, Conclusion.failed("FORMAT_FAILURE", checks.attributes_as_content()))
        finding = _content_finding(signer, certificate, known, algorithm)
        if finding is None:
            kind = found.signed["encap_content_info"]["content_type"].native
            finding = _value_finding(signer, certificate, digests, written=written, known=known, kind=kind)
    except MALFORMED as error:
        finding = Conclusion.failed("FORMAT_FAILURE", checks.not_well_formed(type(error).__name__))
    return _judged(signer, certificate, finding, data_missing=missing)


def _about_another(certificates: SignerCertificates, signer: SignerInfo) -> JudgedSigner:
    """What the caller holds is not what was signed, whatever the object has inside."""
    finding = Conclusion.failed("HASH_FAILURE", checks.message_digest(intact=False))
    return _judged(signer, certificates.of(signer), finding)


def _content_finding(
    signer: SignerInfo, certificate: Any, known: bytes | None, algorithm: str | None
) -> Conclusion | None:
    """What can be said before the value is looked at; None when nothing stands in its way."""
    attributes = attributes_of(signer)
    claimed = attributes["message_digest"].native if "message_digest" in attributes else None
    nobody = () if certificate is not None else (checks.certificate_not_found(),)
    if None not in {known, claimed} and known != claimed:
        binding = nobody or (checks.binding(attributes, certificate),)
        return Conclusion.failed("HASH_FAILURE", checks.message_digest(intact=False), *binding)
    if nobody:
        return Conclusion.undecided("NO_SIGNING_CERTIFICATE_FOUND", *nobody)
    if algorithm is None:
        return Conclusion.undecided("CRYPTO_CONSTRAINTS_FAILURE", checks.algorithm_not_known("digest"))
    binding = (checks.binding(attributes, certificate),)
    if binding[0].outcome is Outcome.ERROR:
        return Conclusion.failed("FORMAT_FAILURE", *binding)
    if known is None and claimed is None:
        return Conclusion.undecided("SIGNED_DATA_NOT_FOUND", checks.message_digest(intact=None), *binding)
    return None


def _value_finding(
    signer: SignerInfo, certificate: Any, digests: _Digests, *, written: bytes | None, known: bytes | None, kind: str
) -> Conclusion:
    """`written`: the signed attributes as they are in the object."""
    attributes = attributes_of(signer)
    malformed = checks.attributes(signer, attributes, kind)
    if malformed is not None:
        return Conclusion.failed("FORMAT_FAILURE", malformed)
    try:
        fitting = check_value(
            signer["signature"].native,
            certificate.public_key,
            signer["signature_algorithm"],
            digest_name(signer["digest_algorithm"]),
            _messages(written, digests),
        )
    except NotComputable as error:
        return Conclusion.undecided("CRYPTO_CONSTRAINTS_FAILURE", checks.algorithm_not_known(str(error)))
    items = [checks.message_digest(intact=None if known is None else True), checks.binding(attributes, certificate)]
    if fitting is None and not signer["signed_attrs"]:  # the value is over the content itself
        items[0] = checks.message_digest(intact=False)
        return Conclusion.failed("HASH_FAILURE", *items)
    items.append(checks.value(valid=fitting is not None))
    if fitting is None:
        return Conclusion.failed("SIG_CRYPTO_FAILURE", *items)
    if known is None:
        return Conclusion.undecided("SIGNED_DATA_NOT_FOUND", *items)
    return _constraints(signer, fitting, items)


def _messages(attributes: bytes | None, digests: _Digests) -> Iterator[Message]:
    """What the key has signed: the attributes, or the content where there are none (RFC 5652, 5.4).

    Attributes are signed as DER. Some signers write them in another order, and some sign them as they write them.
    """
    if attributes is None:
        yield digests
        return
    start = header(_SET, len(attributes))
    yield Octets(start + attributes)
    if len(attributes) <= _LONGEST_UNSORTED:
        in_order = b"".join(sorted(_members(attributes)))
        if in_order != attributes:
            yield Octets(start + in_order)


def _members(octets: bytes) -> Iterator[bytes]:
    """The values that stand in `octets`, DER or BER. Raises: ValueError."""
    from asn1crypto import parser

    while octets:
        length = parser.peek(octets)
        yield octets[:length]
        octets = octets[length:]


def _attributes_as_written(signer: SignerInfo) -> bytes | None:
    """The octets between identifier and end. To be asked first: asn1crypto may write anew what it has looked into."""
    octets: bytes | None = signer["signed_attrs"].contents if signer["signed_attrs"] else None
    return octets


def _constraints(signer: SignerInfo, fitting: FittingValue, items: Sequence[ValidationItem]) -> Conclusion:
    """What a sound signature may still lack (EN 319 102-1, 5.2.8)."""
    if fitting.is_weak or digest_name(signer["digest_algorithm"]) in WEAK:
        return Conclusion.undecided("CRYPTO_CONSTRAINTS_FAILURE_NO_POE", *items, checks.too_weak(), covers=True)
    if not signer["signed_attrs"]:  # EN 319 122-1, 6.3 demands them; RFC 5652 does not
        return Conclusion.undecided("SIG_CONSTRAINTS_FAILURE", *items, checks.no_attributes(), covers=True)
    return Conclusion(Indication.TOTAL_PASSED, None, tuple(items), covers=True)


def _judged(signer: SignerInfo, certificate: Any, finding: Conclusion, *, data_missing: bool = False) -> JudgedSigner:
    verdict = SignatureVerdict(
        field_name="",
        indication=finding.indication,
        reason=finding.reason,
        certificate=b"" if certificate is None else certificate.dump(),
        signed_at=_claimed_time(signer),
        covers_whole_file=finding.covers,
    )
    return JudgedSigner(signer, verdict, ValidationResults(finding.items), data_missing)


def _claimed_time(signer: SignerInfo) -> datetime | None:
    try:
        found = attributes_of(signer).get("signing_time")
        time = None if found is None else found.native
        return time.astimezone(UTC) if isinstance(time, datetime) else None
    except MALFORMED:
        return None


def _examined(one: JudgedSigner, certificates: list[Any]) -> ExaminedSignature:
    try:
        attributes = attributes_of(one.signer)
        policy = policy_of(attributes)
    except MALFORMED:  # one that cannot be read must not hide the others
        attributes, policy = {}, None
    return ExaminedSignature(
        verdict=one.verdict,
        results=one.results,
        issuers=issuers_of(one.verdict.certificate, certificates),
        message_digest=message_digest_of(one.signer, attributes),
        signature_algorithm=signature_algorithm_of(one.signer),
        value=one.signer["signature"].native,
        policy=policy,
    )
