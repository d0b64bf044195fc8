"""Was a certificate revoked? OCSP (RFC 6960), then the lists that it names (RFC 5280, 6.3).

What is asked for comes through the ``Exchange`` port, from addresses in certificates whose path to a trusted root is
verified already: a stranger's certificate makes nobody connect anywhere. Answers count when they are signed by the
issuer (or by a responder that the issuer appointed), are about this certificate, and are not over at `at`. Whatever
else comes, or nothing, means that the status is unknown; it is never an exception.

A list may be signed by another key of the issuer: when an authority changes its key, or keeps one for lists. Such a key
counts when its certificate stands on the same path, or was issued by an authority on it and is not revoked itself.
Lists for some reasons only count together, once all reasons are covered.

A status comes with its evidence: the answers that decided, the certificates of whoever signed them, and the answers
about those. With it somebody else comes to the same status later, without asking anybody. It goes into a file, so there
is a bound to it: `MAX_KEPT_LIST` for a list, `MAX_EVIDENCE` for a path.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from signroom.domain.augmentation import NO_DATA, ValidationData
from signroom.domain.errors import BadCertificate
from signroom.domain.security_context import NO_RULES, ContextRules, ResponderRule
from signroom.domain.validation import Check
from signroom.formats.certificate import (
    answer_octets,
    answering_certificates,
    key_octets,
    load_response,
    subject_octets,
)
from signroom.ports.outside import Unreachable
from signroom.trust.asking.answers import Answers, Heard, Question
from signroom.trust.lists import ReadList, Useless, covered_reasons, find_entry, find_signer, reading
from signroom.trust.names import same_name
from signroom.trust.paths import Link, digest_name, read_link, signed_by, verifies, weak_digest
from signroom.trust.pointers import ALL_REASONS

MAX_CRL = 20 * 1024 * 1024
MAX_OCSP = 64 * 1024
MAX_KEPT_LIST = 4 << 20
"""Bytes of a list that goes into a file as evidence."""
MAX_EVIDENCE = 8 << 20
"""Bytes of all answers that are evidence for the certificates of one path."""
MAX_POINTERS = 3
"""Addresses of one kind that are tried for one certificate."""
MAX_RESPONDERS = 3
MAX_NAMESAKES = 5
PATIENCE = 8.0
"""Seconds for all certificates of a path together."""

_SKEW = timedelta(minutes=5)
"""Clocks differ."""
_WITHOUT_NEXT_UPDATE = timedelta(days=1)
"""For how long an answer counts that does not say itself (RFC 6960, 4.2.2.1: newer information is always there)."""

_DAY = "%Y-%m-%d"
T = TypeVar("T")


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


class _Budget:
    """How many bytes of answers become evidence. Many threads spend it; two at a time fetch a list for it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._spent: dict[bytes, int] = {}
        self._lock = threading.Lock()
        self._fetching = threading.BoundedSemaphore(2)

    def spend(self, heard: Heard) -> None:
        """An answer that was spent before costs nothing. Raises: Useless."""
        digest = hashlib.sha256(heard.octets).digest()
        with self._lock:
            before = sum(length for key, length in self._spent.items() if key != digest)
            if before + len(heard.octets) > self._most:
                raise Useless(_TOO_MUCH)
            self._spent[digest] = len(heard.octets)

    @contextmanager
    def fetching(self, seconds: float) -> Iterator[None]:
        """While a list is fetched and kept. Raises: Useless when the others take longer than `seconds`."""
        if not self._fetching.acquire(timeout=max(seconds, 0)):
            raise Useless("There was no time left to ask.")
        try:
            with self._lock:
                left = self._most - sum(self._spent.values())
            if left <= 0:
                raise Useless(_TOO_MUCH)
            yield
        finally:
            self._fetching.release()


_TOO_MUCH = f"All answers for the certificates have more than {MAX_EVIDENCE >> 20} MB together."


class RevocationSources:
    """Asks through `answers`. ``patience``: seconds for all certificates of a path together."""

    def __init__(self, answers: Answers, patience: float = PATIENCE) -> None:
        self._answers = answers
        self._patience = patience

    def ask(
        self,
        pairs: Sequence[tuple[Link, Link]],
        at: datetime,
        authorities: Sequence[Link] = (),
        *,
        rules: ContextRules = NO_RULES,
        whole: bool = False,
        offline: bool = False,
        spent: float = 0.0,
    ) -> list[Revocation]:
        """The status of each certificate of (certificate, issuer) as of `at`; all are asked for at the same time.

        What is kept is not asked for. Where everything is kept no thread is started. `offline`: nobody is asked.
        `spent`: seconds of the patience that are gone.

        The pairs are those of one path to a trusted root. `authorities` are others that are known: some of them may
        sign lists for an issuer of the path. `rules`: by which digests and with whose keys answers may be signed.
        `whole`: another source is asked when the evidence lacks something.
        """
        if not pairs:
            return []
        path = tuple(issuer for _, issuer in pairs)
        self._load(pairs, whole=whole)
        deadline = time.monotonic() + self._patience - spent
        budget = _Budget(MAX_EVIDENCE) if whole else None
        errand = _Errand(self._answers, at, deadline, path, tuple(authorities), rules, whole, budget, only_kept=True)
        known = [errand.status_of(certificate, issuer) for certificate, issuer in pairs]
        if offline:
            nothing = _unknown("Nothing is fetched here.")
            return [nothing if found.status is Status.UNKNOWN else found for found in known]
        # What had no answer in memory, or only a second choice, is asked for.
        asking = [place for place, found in enumerate(known) if found.failures or (whole and found.lacking)]
        for place, found in zip(asking, self._asked(errand, [pairs[place] for place in asking]), strict=True):
            known[place] = found
        return known

    def _load(self, pairs: Sequence[tuple[Link, Link]], *, whole: bool) -> None:
        """Take what is kept into memory, for all certificates at once whose first choice is not there yet."""
        wanted: list[Question] = []
        for pair in pairs:
            choices = list(_first_questions(*pair, whole=whole))
            # Of a list that becomes evidence there are two questions, one for each limit.
            first = choices[:2] if whole and choices and choices[0].body is None else choices[:1]
            if first and not any(self._answers.kept(question) for question in first):
                wanted += choices
        self._answers.load(wanted)

    def _asked(self, kept: _Errand, pairs: Sequence[tuple[Link, Link]]) -> list[Revocation]:
        if not pairs:
            return []
        errand = replace(kept, only_kept=False)
        # Threads of this call alone: a slow responder of one certificate must not hold up everybody else's.
        threads = ThreadPoolExecutor(len(pairs), thread_name_prefix="signroom-revocation")
        try:
            asked = [threads.submit(errand.status_of, certificate, issuer) for certificate, issuer in pairs]
            wait(asked, max(errand.deadline - time.monotonic(), 0))
            return [one.result() if one.done() else _unknown("No answer came in time.") for one in asked]
        finally:
            threads.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _Errand:
    """One question of `RevocationSources`. ``deadline`` is of ``time.monotonic``."""

    answers: Answers
    at: datetime
    deadline: float
    path: tuple[Link, ...]
    authorities: tuple[Link, ...]
    rules: ContextRules
    """Those of the security context about whoever answers."""
    whole: bool
    """An answer whose evidence lacks something counts only when there is no better one."""
    budget: _Budget | None
    """For answers that become evidence."""
    only_kept: bool
    """Nobody is asked."""

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
            question = _ocsp_question(certificate, issuer, url)
        return self._heard(question, lambda heard: self._by_response(certificate, issuer, heard))

    def _by_response(self, certificate: Link, issuer: Link, heard: Heard) -> Revocation:
        with reading("The answer is no OCSP response."):
            response = load_response(heard.octets)
            if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
                raise Useless(f"The responder answers {response.response_status.name.lower()}.")
            single = _single_response(response, certificate, issuer)
            self._require_current(single.this_update_utc, single.next_update_utc)
            signer = self._entitled(heard.octets, response, issuer)
            verdict = self._ocsp_verdict(single, certificate)
        self.answers.confirm(heard, _until(heard, single.next_update_utc, self.answers.ages.response))
        evidence = ValidationData(responses=(heard.octets,)) + signer.evidence
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

    def _entitled(self, octets: bytes, response: ocsp.OCSPResponse, issuer: Link) -> _Signer:
        """RFC 6960, 3.2, points 2 to 4: signed by the issuer, or by whom the issuer appointed for this.

        Raises: Useless.
        """
        digest = response.signature_hash_algorithm
        if digest is None or weak_digest(digest) or not self.rules.accepts_digest(digest.name, self.at):
            raise Useless("The response is signed by an algorithm that is not accepted.")
        appointed_count = self.rules.responders is ResponderRule.APPOINTED
        for signer in (issuer, *(_responders(octets) if appointed_count else ())):
            if not _is_responder(response, signer):
                continue
            if not verifies(signer.parsed.public_key(), response.signature, answer_octets(octets), digest):
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
        if not _may_respond(signer, issuer, response.produced_at_utc) or not self._accepts(signer):
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
        def use(heard: Heard) -> tuple[Revocation, frozenset[str]]:
            return self._by_list(certificate, issuer, heard, deep=deep)

        question = Question(url, MAX_CRL)
        if self.budget is None:
            return self._heard(question, use)
        # A large list may be known already, from a judgement. What becomes evidence is fetched within a smaller limit.
        kept = self.answers.kept(question)
        if kept is None:
            question = Question(url, MAX_KEPT_LIST)
            if self.only_kept or self.answers.kept(question) is not None:
                return self._heard(question, use)
            with self.budget.fetching(self.deadline - time.monotonic()):
                return self._heard(question, use)
        if len(kept.octets) > MAX_KEPT_LIST:
            raise Useless(f"The list has more than {MAX_KEPT_LIST >> 20} MB.")
        return self._heard(question, use)

    def _by_list(
        self, certificate: Link, issuer: Link, heard: Heard, *, deep: bool
    ) -> tuple[Revocation, frozenset[str]]:
        with reading("The answer is no revocation list."):
            read = heard.once(ReadList, lambda: ReadList(heard.octets))
            end = read.parsed.next_update_utc
            self._require_current(read.parsed.last_update_utc, end)
            digest = read.parsed.signature_hash_algorithm
            if digest is not None and not self.rules.accepts_digest(digest.name, self.at):
                raise Useless("The list is signed by an algorithm that is not accepted.")
            signer = find_signer(read, issuer, self._namesakes(issuer))
            evidence = ValidationData(lists=(read.octets,)) + self._confirmed(signer, issuer, deep=deep)
            reasons = covered_reasons(read.parsed, certificate)
            verdict = self._crl_verdict(read, certificate)
        ages = self.answers.ages
        self.answers.confirm(heard, _until(heard, end, ages.list if end else min(ages.list, ages.endless_list)))
        return replace(verdict, evidence=evidence), reasons

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
        fit = not (signer.weak_digest or signer.has_short_key) and self._accepts(signer)
        if not deep or not fit or not signer.valid_at(self.at):
            raise Useless("The list is signed by a key that does not count.")
        for above in self.path:
            if above.may_certify and signed_by(signer, above):
                listed = self._by_lists(signer, above, [], deep=False)
                if listed is not None and listed.status is Status.GOOD:
                    return ValidationData(certificates=(signer.der,)) + listed.evidence
        raise Useless("The list is signed by a key that nobody confirms.")

    def _accepts(self, signer: Link) -> bool:
        """By the rules of the context about keys and digests: somebody else than the issuer speaks for it."""
        digest = self.rules.accepts_digest(digest_name(signer), self.at)
        return digest and self.rules.accepts_key(signer.certificate, self.at)

    def _crl_verdict(self, read: ReadList, certificate: Link) -> Revocation:
        entry = find_entry(read, certificate)
        if entry is None:
            _require_still_listed(certificate, read.parsed.last_update_utc)
            return Revocation(Status.GOOD, "CRL")
        if entry.revoked_on > self.at:
            return Revocation(Status.GOOD, "CRL")
        return Revocation(Status.REVOKED, "CRL", entry.revoked_on, entry.reason)

    # -- both --------------------------------------------------------------------------------------------

    def _heard(self, question: Question, use: Callable[[Heard], T]) -> T:
        """What `use` makes of the answer. One that is kept and of no use is asked for anew. Raises: Useless."""

        def spend_and_use(heard: Heard) -> T:
            if self.budget is not None:
                self.budget.spend(heard)
            return use(heard)

        kept = self.answers.kept(question)
        if self.only_kept:
            if kept is None:
                raise Useless("Nothing is fetched here.")
            return spend_and_use(kept)
        if kept is not None:
            try:
                return spend_and_use(kept)
            except Useless:
                pass  # another one may say more
        return spend_and_use(self._asked(question, kept))

    def _asked(self, question: Question, besides: Heard | None) -> Heard:
        left = self.deadline - time.monotonic()
        if left < 0:
            raise Useless("There was no time left to ask.")
        try:
            return self.answers.ask(question, left, besides=besides)
        except Unreachable as error:
            raise Useless("There was no answer.") from error

    def _require_current(self, this_update: datetime, next_update: datetime | None) -> None:
        """An answer that is newer than `at` is fine: it tells when a revocation was. An old one says nothing."""
        until = this_update + _WITHOUT_NEXT_UPDATE if next_update is None else next_update
        if until + _SKEW < self.at:
            raise Useless(f"The answer was good until {until:{_DAY}}.")


def _first_questions(certificate: Link, issuer: Link, *, whole: bool) -> Iterator[Question]:
    """What is asked about a certificate, as far as it is known before there is any answer.

    `whole`: it becomes evidence, so lists may be asked for within the smaller limit.
    """
    for url in _reachable(certificate.pointers.ocsp):
        try:
            with reading("The certificate cannot be asked about."):
                yield _ocsp_question(certificate, issuer, url)
        except Useless:
            return
    for url in _reachable(certificate.pointers.crl):
        yield Question(url, MAX_CRL)
        if whole:
            yield Question(url, MAX_KEPT_LIST)


def _ocsp_question(certificate: Link, issuer: Link, url: str) -> Question:
    # SHA-1 here only names the issuer; it is what every responder understands (RFC 5019, 2.1.1).
    request = _request(certificate, issuer, hashes.SHA1()).public_bytes(Encoding.DER)  # noqa: S303
    return Question(url, MAX_OCSP, request, "application/ocsp-request")


def _until(heard: Heard, end: datetime | None, age: timedelta) -> datetime:
    """Until when an answer is kept that says `end` of itself."""
    latest = heard.asked_at + age
    return latest if end is None else min(end, latest)


def _unknown(reason: str) -> Revocation:
    return Revocation(Status.UNKNOWN, failures=(Failure(Check.CERTIFICATE_REVOCATION_STATUS_UNKNOWN, reason),))


def _reachable(addresses: Sequence[str]) -> list[str]:
    """Without ldap and the like."""
    return [url for url in dict.fromkeys(addresses) if url.lower().startswith(("http://", "https://"))][:MAX_POINTERS]


def has_sources(certificate: Link) -> bool:
    """Whether there is anybody to ask about it."""
    return bool(_reachable(certificate.pointers.ocsp) or _reachable(certificate.pointers.crl))


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


def _responders(response: bytes) -> list[Link]:
    """The certificates that came along; few, as each may cost a signature. Raises: Useless."""
    try:
        return [read_link(found) for found in answering_certificates(response)[:MAX_RESPONDERS]]
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
