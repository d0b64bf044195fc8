"""The signature policies that ICP-Brasil has approved: the lists (LPA) that its root authority (ITI) publishes.

A list is DER with a detached CMS signature beside it: ``LPA_PAdES.der`` and ``LPA_PAdES.p7s`` (DOC-ICP-15.03). It
says from when to when one may sign under each policy, whether it was revoked, and the digest of its file. That
digest is not the one that signatures state: theirs stands inside the policy (ETSI TR 102 272, signPolicyHash).

Whoever has a certificate of ICP-Brasil can sign a list. So it counts only when ITI has signed it: its certificate bears
the number of ITI (CNPJ), or the operator names its fingerprint.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from asn1crypto import algos, cms, core
from asn1crypto import x509 as asn1_x509
from cryptography.exceptions import UnsupportedAlgorithm

from signroom.domain.certificate import Certificate
from signroom.domain.errors import BadCertificate, BadPolicyList
from signroom.domain.signature import CertificateChain
from signroom.domain.validation import TrustVerdict
from signroom.trust.certificates import read_certificate

ITI = "04039532000193"
"""The CNPJ of the Instituto Nacional de Tecnologia da Informação, as its certificate on the list of 2016 has it."""
MAX_LIST, MAX_SIGNATURE, MAX_POLICY = 1 << 20, 256 << 10, 1 << 20
"""Bytes. The published lists have 2 to 5 KB, policies up to 20."""
_MOST, _LONGEST = 1000, 1024
_DIGESTS = frozenset({"sha256", "sha384", "sha512"})
_MALFORMED = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError)
"""What asn1crypto raises where a value is not what its type says."""
_FAMILY = 7
"""Arcs of an OID that the versions of one policy share: 2.16.76.1.7.1.11 is PAdES with basic references."""


class Standing(StrEnum):
    """What a list says of a policy at a moment."""

    APPROVED = "Approved"
    NOT_YET = "NotYet"
    ENDED = "Ended"
    REVOKED = "Revoked"
    NOT_LISTED = "NotListed"


@dataclass(frozen=True, slots=True)
class ListedPolicy:
    """An entry. `digest` is that of the policy's file. Times are aware, in UTC."""

    oid: str
    uri: str
    digest_algorithm: str
    """As `hashlib` names it."""
    digest: bytes
    not_before: datetime
    not_after: datetime | None
    revoked_at: datetime | None

    def standing(self, at: datetime) -> Standing:
        if self.revoked_at is not None and self.revoked_at <= at:
            return Standing.REVOKED
        if at < self.not_before:
            return Standing.NOT_YET
        return Standing.ENDED if self.not_after is not None and self.not_after < at else Standing.APPROVED

    def is_of(self, content: bytes) -> bool:
        """The entry is about this file."""
        return hashlib.new(self.digest_algorithm, content).digest() == self.digest


@dataclass(frozen=True, slots=True)
class PolicyList:
    """A list that ITI has signed and that has not ended."""

    policies: tuple[ListedPolicy, ...]
    next_update: datetime
    signer: Certificate

    def find(self, oid: str) -> ListedPolicy | None:
        return next((one for one in self.policies if one.oid == oid), None)

    def standing(self, oid: str, at: datetime) -> Standing:
        found = self.find(oid)
        return Standing.NOT_LISTED if found is None else found.standing(at)

    def is_about(self, oid: str) -> bool:
        """It names a version of this policy. Another list is about policies of another format."""
        return any(_family(one.oid) == _family(oid) for one in self.policies)


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """A policy as it is published. `digest` is what signatures under it state; it was computed anew."""

    oid: str
    digest_algorithm: str
    digest: bytes


class _Period(core.Sequence):  # type: ignore[misc]
    _fields = [("not_before", core.GeneralizedTime), ("not_after", core.GeneralizedTime, {"optional": True})]  # noqa: RUF012


class _Entry(core.Sequence):  # type: ignore[misc]
    _fields = [  # noqa: RUF012
        ("signing_period", _Period),
        ("revocation_date", core.GeneralizedTime, {"optional": True}),
        ("policy_oid", core.ObjectIdentifier),
        ("policy_uri", core.IA5String),
        ("policy_digest", algos.DigestInfo),
    ]


class _Entries(core.SequenceOf):  # type: ignore[misc]
    _child_spec = _Entry


class _List(core.Sequence):  # type: ignore[misc]
    _fields = [  # noqa: RUF012
        ("version", core.Integer, {"optional": True}),
        ("policy_infos", _Entries),
        ("next_update", core.GeneralizedTime),
    ]


class _PolicyInfo(core.Sequence):  # type: ignore[misc]
    """Its beginning (ETSI TR 102 272, SignPolicyInfo)."""

    _fields = [  # noqa: RUF012
        ("identifier", core.ObjectIdentifier),
        ("issued", core.GeneralizedTime),
        ("issuer", core.Any),
        ("application", core.Any),
        ("validation", core.Any),
        ("extensions", core.Any, {"optional": True}),
    ]


class _Policy(core.Sequence):  # type: ignore[misc]
    _fields = [  # noqa: RUF012
        ("hash_algorithm", algos.DigestAlgorithm),
        ("info", _PolicyInfo),
        ("hash", core.OctetString, {"optional": True}),
    ]


def read_policy_list(
    content: bytes,
    signature: bytes,
    judge: Callable[[CertificateChain], TrustVerdict],
    at: datetime,
    signers: Collection[str] = (),
) -> PolicyList:
    """The list in `content`, whose detached signature is `signature` (CMS, DER).

    1. The signature holds for these bytes.
    2. ITI has made it, or whom `signers` name.
    3. The signer's certificate is one that `judge` trusts.
    4. The list can be read, and has not ended.

    Args:
        content: DER, at most `MAX_LIST` bytes.
        signature: CMS with one signer and his certificate.
        judge: whether a certificate counts in ICP-Brasil now.
        at: now.
        signers: SHA-256 of further certificates that may sign, 64 hexadecimal digits in lower case.

    Raises: BadPolicyList.
    """
    if len(content) > MAX_LIST or len(signature) > MAX_SIGNATURE:
        raise BadPolicyList(f"The list has more than {MAX_LIST >> 10} KB, or its signature more than 256.")
    chain = _verified(content, signature)
    try:
        signer = read_certificate(chain.certificate)
        if signer.pki_brazil.cnpj != ITI and signer.sha256.hex() not in signers:
            raise BadPolicyList(f"It is not signed by ITI, but by {signer.subject.dn_string}.")
        verdict = judge(chain)
    except BadCertificate as error:
        raise BadPolicyList("The certificate of its signer cannot be read.") from error
    if not verdict.trusted:
        raise BadPolicyList(f"The certificate of its signer does not count: {verdict.results.errors[0].message}")
    policies, next_update = _read(content)
    if next_update < at:
        raise BadPolicyList(f"It should have been followed by another on {next_update:%Y-%m-%d}.")
    return PolicyList(policies, next_update, signer)


def read_policy_file(content: bytes) -> PolicyFile:
    """A policy in DER. Raises: BadPolicyList for what is none, and where the digest in it is not its own."""
    try:
        if len(content) > MAX_POLICY:
            raise ValueError("too large")
        read = _Policy.load(content, strict=True)
        oid, name = read["info"]["identifier"].dotted, read["hash_algorithm"]["algorithm"].native
        stated = read["hash"].native
        own = hashlib.new(_digest_name(name), read["hash_algorithm"].dump() + read["info"].dump()).digest()
    except _MALFORMED as error:
        raise BadPolicyList("A file is no signature policy in DER.") from error
    if stated != own:
        raise BadPolicyList(f"The digest in the policy {oid} is not its own: the file was changed.")
    return PolicyFile(oid, name, own)


def _verified(content: bytes, signature: bytes) -> CertificateChain:
    """The certificate of the one signer, and those that came along. Raises: BadPolicyList."""
    # The library takes 12 MB, and one command alone needs it.
    from pyhanko.sign.general import CMSExtractionError, CMSStructuralError, extract_signer_info
    from pyhanko.sign.validation.errors import SignatureValidationError
    from pyhanko.sign.validation.generic_cms import validate_sig_integrity

    try:
        info = cms.ContentInfo.load(signature, strict=True)
        if info["content_type"].native != "signed_data":
            raise ValueError("no signature")
        signed = info["content"]
        if len(signed["signer_infos"]) != 1:
            raise BadPolicyList("It has not one signer.")
        if signed["encap_content_info"]["content_type"].native != "data":
            raise ValueError("something else than a list")
        inside = signed["encap_content_info"]["content"].native
        certificate, others = _certificates(signed)
        signer = extract_signer_info(signed)
        algorithm = _digest_name(signer["digest_algorithm"]["algorithm"].native)
        if "sha1" in signer["signature_algorithm"]["algorithm"].native:
            raise ValueError("weak")
        digest = hashlib.new(algorithm, content).digest()
        intact, valid = validate_sig_integrity(signer, certificate, "data", digest)
    except (SignatureValidationError, CMSExtractionError, CMSStructuralError, UnsupportedAlgorithm) as error:
        raise BadPolicyList("Its signature cannot be verified.") from error
    except (*_MALFORMED, NotImplementedError) as error:
        raise BadPolicyList("Its signature is none that can be read.") from error
    if not (intact and valid) or (inside is not None and inside != content):
        raise BadPolicyList("Its signature is not valid: the list was changed, or it is another list's.")
    return CertificateChain(certificate.dump(), others)


def _certificates(signed: Any) -> tuple[asn1_x509.Certificate, tuple[bytes, ...]]:
    """The signer's and the others. Raises: ValueError where the signer's is missing."""
    wanted = signed["signer_infos"][0]["sid"]
    found, others = None, []
    for choice in signed["certificates"] or ():
        certificate = choice.chosen
        if choice.name != "certificate":
            continue
        if found is None and _is_of(wanted, certificate):
            found = certificate
        else:
            others.append(certificate.dump())
    if found is None:
        raise ValueError("the signer's certificate is missing")
    return found, tuple(others)


def _is_of(signer: Any, certificate: asn1_x509.Certificate) -> bool:
    if signer.name == "subject_key_identifier":
        return bool(certificate.key_identifier == signer.chosen.native)
    named = signer.chosen
    return bool(certificate.issuer == named["issuer"] and certificate.serial_number == named["serial_number"].native)


def _read(content: bytes) -> tuple[tuple[ListedPolicy, ...], datetime]:
    """Raises: BadPolicyList."""
    try:
        read = _List.load(content, strict=True)
        if not 0 < len(read["policy_infos"]) <= _MOST:
            raise ValueError("none, or too many")
        policies = tuple(map(_entry, read["policy_infos"]))
        if len({one.oid for one in policies}) < len(policies):
            raise BadPolicyList("It names a policy twice.")
        return policies, _moment(read["next_update"])
    except _MALFORMED as error:
        raise BadPolicyList("It is no list of approved policies, or one of the first form, with SHA-1.") from error


def _entry(read: Any) -> ListedPolicy:
    """Raises: ValueError and what else `_MALFORMED` lists."""
    period, digest = read["signing_period"], read["policy_digest"]
    name = _digest_name(digest["digest_algorithm"]["algorithm"].native)
    octets, uri = digest["digest"].native, read["policy_uri"].native
    if len(octets) != hashlib.new(name).digest_size or len(uri) > _LONGEST:
        raise ValueError("an entry of another form")
    return ListedPolicy(
        oid=read["policy_oid"].dotted,
        uri=uri,
        digest_algorithm=name,
        digest=octets,
        not_before=_moment(period["not_before"]),
        not_after=_moment(period["not_after"]) if period["not_after"].native else None,
        revoked_at=_moment(read["revocation_date"]) if read["revocation_date"].native else None,
    )


def _digest_name(name: str) -> str:
    """Raises: ValueError for one that proves nothing any more."""
    if name not in _DIGESTS:
        raise ValueError("a digest that is not accepted")
    return name


def _moment(read: Any) -> datetime:
    """Raises: ValueError for a time of no zone."""
    found: datetime = read.native
    if found.tzinfo is None:
        raise ValueError("a time without a zone")
    return found.astimezone(UTC)


def _family(oid: str) -> list[str]:
    return oid.split(".")[:_FAMILY]
