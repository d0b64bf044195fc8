"""Was a certificate revoked? OCSP (RFC 6960), then the lists that it names (RFC 5280, 6.3).

What is asked for comes through the ``Exchange`` port, from addresses in certificates whose path to a trusted root is
verified already: a stranger's certificate makes nobody connect anywhere. Answers count when they are signed by the
issuer (or by a responder that the issuer appointed), are about this certificate, and are not over at `at`. Whatever
else comes, or nothing, means that the status is unknown; it is never an exception.

A list may be signed by another key of the issuer: when an authority changes its key, or keeps one for lists. Such a key
counts when its certificate stands on the same path, or was issued by an authority on it and is not revoked itself.
Lists for some reasons only count together, once all reasons are covered.

A status comes with its evidence: the answers that decided, the certificates of whoever signed them, and the answers
about those. With it somebody else comes to the same status later, without asking anybody.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from signroom.domain.augmentation import NO_DATA, ValidationData
from signroom.domain.errors import BadCertificate
from signroom.domain.validation import Check
from signroom.formats.certificate import key_octets, load_list, subject_octets
from signroom.ports.outside import Exchange, Unreachable
from signroom.trust.lists import Useless, covered_reasons, find_entry, find_signer, reading
from signroom.trust.names import same_name
from signroom.trust.paths import Link, read_link, signed_by, verifies, weak_digest
from signroom.trust.pointers import ALL_REASONS

MAX_CRL = 20 * 1024 * 1024
MAX_OCSP = 64 * 1024
MAX_POINTERS = 3
"""Addresses of one kind that are tried for one certificate."""
MAX_RESPONDERS = 3
MAX_NAMESAKES = 5
PATIENCE = 20.0
"""Seconds for all certificates of a path together."""

_SKEW = timedelta(minutes=5)
"""Clocks differ."""
_WITHOUT_NEXT_UPDATE = timedelta(days=1)
"""For how long an answer counts that does not say itself (RFC 6960, 4.2.2.1: newer information is always there)."""

_DAY = "%Y-%m-%d"


class Status(StrEnum):
    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Failure:
    """A source that did not help: which check its answer failed, and why."""

    check: Check
    reason: str


@dataclass(frozen=True, slots=True)
class Revocation:
    """``source`` names what decided (``OCSP``, ``CRL``); ``failures`` are the sources that were tried before."""

    status: Status
    source: str | None = None
    revoked_on: datetime | None = None
    reason: str | None = None
    failures: tuple[Failure, ...] = ()
    evidence: ValidationData = NO_DATA
    """What decided: the answers, the certificates of whoever signed them, and the answers about those."""
    lacking: tuple[str, ...] = ()
    """Sentences: what the evidence does not prove by itself."""

    def after(self, failures: Sequence[Failure]) -> Revocation:
        return replace(self, failures=(*failures, *self.failures))


@dataclass(frozen=True, slots=True)
class _Signer:
    """Somebody other than the issuer who may sign a response: what shows it, and what of it is not shown."""

    evidence: ValidationData = NO_DATA
    lacking: tuple[str, ...] = ()


class RevocationSources:
    """Asks through `fetch`; None: nothing is ever asked."""

    def __init__(self, fetch: Exchange | None, patience: float = PATIENCE) -> None:
        self._fetch = fetch
        self._patience = patience

    def ask(
        self,
        pairs: Sequence[tuple[Link, Link]],
        at: datetime,
        authorities: Sequence[Link] = (),
        *,
        whole: bool = False,
    ) -> list[Revocation]:
        """The status of each certificate of (certificate, issuer) as of `at`; all are asked for at the same time.

        The pairs are those of one path to a trusted root. `authorities` are others that are known: some of them may
        sign lists for an issuer of the path. `whole`: another source is asked when the evidence lacks something.
        """
        if self._fetch is None:
            return [_unknown("Nothing is fetched here.")] * len(pairs)
        if not pairs:
            return []
        path = tuple(issuer for _, issuer in pairs)
        errand = _Errand(self._fetch, at, time.monotonic() + self._patience, path, tuple(authorities), whole)
        # Threads of this call alone: a slow responder of one certificate must not hold up everybody else's.
        threads = ThreadPoolExecutor(len(pairs), thread_name_prefix="signroom-revocation")
        try:
            asked = [threads.submit(errand.status_of, certificate, issuer) for certificate, issuer in pairs]
            wait(asked, self._patience)
            return [one.result() if one.done() else _unknown("No answer came in time.") for one in asked]
        finally:
            threads.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _Errand:
    """One question of `RevocationSources`. ``deadline`` is of ``time.monotonic``."""

    fetch: Exchange
    at: datetime
    deadline: float
    path: tuple[Link, ...]
    authorities: tuple[Link, ...]
    whole: bool
    """An answer whose evidence lacks something counts only when there is no better one."""

    def status_of(self, certificate: Link, issuer: Link) -> Revocation:
        failures: list[Failure] = []
        answered: Revocation | None = None
        for url in _reachable(certificate.pointers.ocsp):
            try:
                answered = self._by_ocsp(certificate, issuer, url).after(failures)
            except Useless as useless:
                failures.append(Failure(Check.INVALID_OCSP_RESPONSE, str(useless)))
                continue
            if not (self.whole and answered.lacking):
                return answered
        listed = self._by_lists(certificate, issuer, failures)
        if listed is not None:
            return listed.after(failures)
        if answered is not None:
            return answered
        if not failures:
            return _unknown("The certificate names no revocation list and no responder.")
        return Revocation(Status.UNKNOWN, failures=tuple(failures))

    # -- OCSP --------------------------------------------------------------------------------------------

    def _by_ocsp(self, certificate: Link, issuer: Link, url: str) -> Revocation:
        with reading("The certificate cannot be asked about."):
            # SHA-1 here only names the issuer; it is what every responder understands (RFC 5019, 2.1.1).
            request = _request(certificate, issuer, hashes.SHA1()).public_bytes(Encoding.DER)  # noqa: S303
        answer = self._exchange(url, MAX_OCSP, request, "application/ocsp-request")
        with reading("The answer is no OCSP response."):
            response = ocsp.load_der_ocsp_response(answer)
            if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
                raise Useless(f"The responder answers {response.response_status.name.lower()}.")
            single = _single_response(response, certificate, issuer)
            self._require_current(single.this_update_utc, single.next_update_utc)
            signer = self._entitled(response, issuer)
            verdict = self._ocsp_verdict(single, certificate)
        evidence = ValidationData(responses=(answer,)) + signer.evidence
        return replace(verdict, evidence=evidence, lacking=signer.lacking)

    def _ocsp_verdict(self, single: ocsp.OCSPSingleResponse, certificate: Link) -> Revocation:
        match single.certificate_status:
            case ocsp.OCSPCertStatus.REVOKED:
                revoked_on = single.revocation_time_utc
                if revoked_on is None or revoked_on <= self.at:
                    reason = single.revocation_reason
                    return Revocation(Status.REVOKED, "OCSP", revoked_on, None if reason is None else reason.value)
                return Revocation(Status.GOOD, "OCSP")
            case ocsp.OCSPCertStatus.GOOD:
                _require_still_listed(certificate, single.this_update_utc)
                return Revocation(Status.GOOD, "OCSP")
            case _:
                raise Useless("The responder does not know the certificate.")

    def _entitled(self, response: ocsp.OCSPResponse, issuer: Link) -> _Signer:
        """RFC 6960, 3.2, points 2 to 4: signed by the issuer, or by whom the issuer appointed for this.

        Raises: Useless.
        """
        digest = response.signature_hash_algorithm
        if digest is None or weak_digest(digest):
            raise Useless("The response is signed by an algorithm that is not accepted.")
        for signer in (issuer, *_responders(response)):
            if not _is_responder(response, signer):
                continue
            if not verifies(signer.parsed.public_key(), response.signature, response.tbs_response_bytes, digest):
                continue
            if _same_key(signer, issuer):
                return _Signer()
            appointed = self._appointed(signer, issuer, response)
            if appointed is not None:
                return appointed
            raise Useless("The response is signed by somebody who was not appointed by the issuer.")
        raise Useless("The signature of the response does not verify.")

    def _appointed(self, signer: Link, issuer: Link, response: ocsp.OCSPResponse) -> _Signer | None:
        """RFC 6960, 4.2.2.2; None for somebody who was not appointed."""
        if not _may_respond(signer, issuer, response.produced_at_utc):
            return None
        # RFC 6960, 4.2.2.2.1: exempt, or on no list; one that names no list is the issuer's responsibility.
        own = ValidationData(certificates=(signer.der,))
        if _is_exempt(signer.parsed.extensions):
            return _Signer(own)
        if not _reachable(signer.pointers.crl):
            return _Signer(own, ("The responder's certificate names no revocation list, and is not exempt from one.",))
        listed = self._by_lists(signer, issuer, [])
        if listed is None or listed.status is not Status.GOOD:
            return None
        return _Signer(own + listed.evidence, listed.lacking)

    # -- CRL ---------------------------------------------------------------------------------------------

    def _by_lists(
        self, certificate: Link, issuer: Link, failures: list[Failure], *, deep: bool = True
    ) -> Revocation | None:
        """What the certificate's lists say together; None, with the `failures`, when they do not say enough.

        Without `deep` no other list is asked about whoever signed one.
        """
        covered: frozenset[str] = frozenset()
        evidence = NO_DATA
        urls = _reachable(certificate.pointers.crl)
        for url in urls:
            try:
                verdict, reasons = self._by_crl(certificate, issuer, url, deep=deep)
            except Useless as useless:
                failures.append(Failure(Check.INVALID_CRL, str(useless)))
                continue
            covered |= reasons
            evidence += verdict.evidence
            if verdict.status is Status.REVOKED or covered == ALL_REASONS:
                return replace(verdict, evidence=evidence)
        if covered:
            failures.append(Failure(Check.INVALID_CRL, "The lists do not cover every reason for a revocation."))
        return None

    def _by_crl(self, certificate: Link, issuer: Link, url: str, *, deep: bool) -> tuple[Revocation, frozenset[str]]:
        answer = self._exchange(url, MAX_CRL)
        with reading("The answer is no revocation list."):
            found = load_list(answer)
            self._require_current(found.last_update_utc, found.next_update_utc)
            signer = find_signer(found, answer, issuer, self._namesakes(issuer))
            evidence = ValidationData(lists=(answer,)) + self._confirmed(signer, issuer, deep=deep)
            reasons = covered_reasons(found, certificate)
            return replace(self._crl_verdict(found, certificate), evidence=evidence), reasons

    def _namesakes(self, issuer: Link) -> list[Link]:
        """Authorities of the issuer's name with another key; those on the path come first. Few: each costs a check."""
        known = {link.fingerprint: link for link in (*self.path, *self.authorities) if not _same_key(link, issuer)}
        return [link for link in known.values() if same_name(link.parsed.subject, issuer.parsed.subject)][
            :MAX_NAMESAKES
        ]

    def _confirmed(self, signer: Link, issuer: Link, *, deep: bool) -> ValidationData:
        """What shows that `signer` may sign lists for `issuer`; nothing when it stands on the path.

        RFC 5280, 6.3.3 (f): the path of the key that signed the list ends at the same root. Raises: Useless.
        """
        if signer is issuer or any(signer.fingerprint == link.fingerprint for link in self.path):
            return NO_DATA
        if not deep or signer.weak_digest or signer.has_short_key or not signer.valid_at(self.at):
            raise Useless("The list is signed by a key that does not count.")
        for above in self.path:
            if above.may_certify and signed_by(signer, above):
                listed = self._by_lists(signer, above, [], deep=False)
                if listed is not None and listed.status is Status.GOOD:
                    return ValidationData(certificates=(signer.der,)) + listed.evidence
        raise Useless("The list is signed by a key that nobody confirms.")

    def _crl_verdict(self, found: x509.CertificateRevocationList, certificate: Link) -> Revocation:
        entry = find_entry(found, certificate)
        if entry is None:
            _require_still_listed(certificate, found.last_update_utc)
            return Revocation(Status.GOOD, "CRL")
        if entry.revoked_on > self.at:
            return Revocation(Status.GOOD, "CRL")
        return Revocation(Status.REVOKED, "CRL", entry.revoked_on, entry.reason)

    # -- both --------------------------------------------------------------------------------------------

    def _exchange(self, url: str, limit: int, body: bytes | None = None, content_type: str | None = None) -> bytes:
        if time.monotonic() > self.deadline:
            raise Useless("There was no time left to ask.")
        try:
            return self.fetch.exchange(url, limit=limit, body=body, content_type=content_type)
        except Unreachable as error:
            raise Useless("There was no answer.") from error

    def _require_current(self, this_update: datetime, next_update: datetime | None) -> None:
        """An answer that is newer than `at` is fine: it tells when a revocation was. An old one says nothing."""
        until = this_update + _WITHOUT_NEXT_UPDATE if next_update is None else next_update
        if until + _SKEW < self.at:
            raise Useless(f"The answer was good until {until:{_DAY}}.")


def _unknown(reason: str) -> Revocation:
    return Revocation(Status.UNKNOWN, failures=(Failure(Check.CERTIFICATE_REVOCATION_STATUS_UNKNOWN, reason),))


def _reachable(addresses: Sequence[str]) -> list[str]:
    """Without ldap and the like."""
    return [url for url in dict.fromkeys(addresses) if url.lower().startswith(("http://", "https://"))][:MAX_POINTERS]


def _require_still_listed(certificate: Link, this_update: datetime) -> None:
    """RFC 5280, 3.3: an issuer may forget a certificate after its end, so silence later than that says nothing."""
    if this_update > certificate.certificate.not_after + _SKEW:
        raise Useless("The certificate ended before this answer was made, which may leave it out.")


# -- OCSP ------------------------------------------------------------------------------------------------


def _request(certificate: Link, issuer: Link, algorithm: hashes.HashAlgorithm) -> ocsp.OCSPRequest:
    """The issuer is named by digests of what its certificate has, byte for byte (RFC 6960, 4.1.1)."""
    name, key = (_hashed(octets, algorithm) for octets in (subject_octets(issuer.der), key_octets(issuer.der)))
    serial_number = certificate.parsed.serial_number
    return ocsp.OCSPRequestBuilder().add_certificate_by_hash(name, key, serial_number, algorithm).build()


def _hashed(octets: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(octets)
    return digest.finalize()


def _single_response(response: ocsp.OCSPResponse, certificate: Link, issuer: Link) -> ocsp.OCSPSingleResponse:
    """RFC 6960, 3.2, point 1: the answer is about this certificate of this issuer."""
    for single in response.responses:
        if single.serial_number != certificate.parsed.serial_number:
            continue
        expected = _request(certificate, issuer, single.hash_algorithm)
        if (single.issuer_name_hash, single.issuer_key_hash) == (expected.issuer_name_hash, expected.issuer_key_hash):
            return single
    raise Useless("The response is about another certificate.")


def _responders(response: ocsp.OCSPResponse) -> list[Link]:
    """The certificates that came along; few, as each may cost a signature. Raises: Useless."""
    try:
        return [read_link(found.public_bytes(Encoding.DER)) for found in response.certificates[:MAX_RESPONDERS]]
    except BadCertificate as error:
        raise Useless("The responder's certificate cannot be read.") from error


def _is_responder(response: ocsp.OCSPResponse, signer: Link) -> bool:
    if response.responder_key_hash is None:
        return response.responder_name == signer.parsed.subject
    return response.responder_key_hash == x509.SubjectKeyIdentifier.from_public_key(signer.parsed.public_key()).digest


def _may_respond(signer: Link, issuer: Link, produced: datetime) -> bool:
    """By its certificate alone: issued for this purpose by the issuer itself, and in date when the answer was made."""
    if not signed_by(signer, issuer) or signer.weak_digest or signer.has_short_key:
        return False
    if not (signer.valid_at(produced - _SKEW) or signer.valid_at(produced + _SKEW)):
        return False
    if ExtendedKeyUsageOID.OCSP_SIGNING not in _extended_key_usage(signer.parsed.extensions):
        return False
    usage = signer.certificate.key_usage
    return usage is None or bool(usage & {"digitalSignature", "nonRepudiation"})


def _same_key(one: Link, other: Link) -> bool:
    return same_name(one.parsed.subject, other.parsed.subject) and one.parsed.public_key() == other.parsed.public_key()


def _extended_key_usage(extensions: x509.Extensions) -> x509.ExtendedKeyUsage | tuple[()]:
    try:
        return extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return ()


def _is_exempt(extensions: x509.Extensions) -> bool:
    try:
        extensions.get_extension_for_class(x509.OCSPNoCheck)
    except x509.ExtensionNotFound:
        return False
    return True
