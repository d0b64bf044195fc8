"""A certificate judged: every check that was made becomes an item, passed ones too; issuers' own results are nested.

    the signer's certificate                      each of its issuers                   the root
    1. in date                                    1. in date                            is one of the context's
    2. key, key usage and purpose fit for signing 2. an authority, key and path not too short or long
    3. the path ends at a trusted root
    4. issuer known, its signature verifies       3. the same
    5. not revoked                                4. the same
    6. the issuer's own results                   5. the same
    7. the other rules of RFC 5280, 6.1

Nothing is asked of the network before signatures verify up to a trusted root. Issuers that nobody has sent are the
exception: they are asked for at hosts that the operator has named.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from signroom.domain.augmentation import Evidence, ValidationData
from signroom.domain.certificate import CertificateUse
from signroom.domain.errors import CertificateKeyNotSupported, CertificateKeyUsage
from signroom.domain.qualification import Qualification
from signroom.domain.security_context import ContextRules, RevocationRule
from signroom.domain.signature import CertificateChain
from signroom.domain.validation import Check, Outcome, TrustVerdict, ValidationItem, ValidationResults
from signroom.trust.anchors import Anchors
from signroom.trust.asking.issuers import MAX_STEPS, Issuers
from signroom.trust.paths import Link, Path, digest_name, find_other_paths, find_path, read_chain
from signroom.trust.revocation import Failure, Revocation, RevocationSources, Status, has_sources
from signroom.trust.rules import Kept, PolicyInputs, check_rules

_DAY = "%Y-%m-%d"
_EVERY_POLICY = PolicyInputs()


def judge(
    chain: CertificateChain,
    anchors: Anchors,
    at: datetime,
    sources: RevocationSources,
    *,
    unknown_is: Outcome,
    issuers: Issuers | None = None,
    offline: bool = False,
    policies: PolicyInputs = _EVERY_POLICY,
    use: CertificateUse = CertificateUse.SIGNATURES,
) -> TrustVerdict:
    """`unknown_is`: how much it matters that nobody says whether a certificate was revoked. `issuers`: where those are
    asked for that nobody has sent. Raises: BadCertificate.
    """
    began = time.monotonic()
    # Where every issuer is accepted nobody is asked.
    asked = None if anchors.any_issuer else issuers
    path, kept, known = _find(chain, anchors, at, policies, use=use, issuers=asked, offline=offline)
    spent = time.monotonic() - began
    revocable = path.anchored and path.by_authorities and anchors.rules.revocation is not RevocationRule.NOT_ASKED
    pairs = path.pairs if revocable else ()
    revocations = _revocations(pairs, at, sources, known, rules=anchors.rules, offline=offline, spent=spent)
    results = _Judgement(path, anchors, at, revocations, unknown_is, kept, use).of_signer()
    return _verdict(path, results, kept, anchors.qualification(path, at, use))


def collect(
    chain: CertificateChain,
    anchors: Anchors,
    at: datetime,
    sources: RevocationSources,
    *,
    use: CertificateUse,
    issuers: Issuers | None = None,
    policies: PolicyInputs = _EVERY_POLICY,
    other_roots: Sequence[Link] = (),
) -> Evidence:
    """Judge as `judge` does, and keep what decided. A status that is unknown is a warning, and is missing.

    Nobody can rely on a certificate that was revoked, or that is wrong in another way: what is wrong is missing, too.

    Where every issuer is accepted a stranger writes the addresses that revocation is asked at. So it is asked for along
    paths to one of `other_roots` alone, those of the contexts that have roots. Raises: BadCertificate.
    """
    asked = None if anchors.any_issuer else issuers
    path, kept, known = _find(chain, anchors, at, policies, use=use, issuers=asked, others=other_roots)
    ends = path.anchored or (anchors.any_issuer and path.ends_at_foreign_root)
    top = path.links[-1].fingerprint
    # Who is no authority and issues all the same writes addresses as a stranger does.
    vouched = (path.anchored or any(top == root.fingerprint for root in other_roots)) and path.by_authorities
    revocable = vouched and anchors.rules.revocation is not RevocationRule.NOT_ASKED
    revocations = _revocations(path.pairs if revocable else (), at, sources, known, rules=anchors.rules, whole=True)
    results = _Judgement(path, anchors, at, revocations, Outcome.WARNING, kept, use).of_signer()
    verdict = _verdict(path, results, kept, anchors.qualification(path, at, use))
    data = ValidationData(certificates=verdict.path)
    for revocation in revocations.values():
        data += revocation.evidence
    if not ends:
        lacks = [_Lack("The path does not end at a trusted root.")]
    elif not vouched and path.pairs:
        lacks = [_Lack(_NOT_VOUCHED, final=True)]
    else:
        lacks = list(_lacks(path, anchors, at, revocations))
    if ends:
        lacks += [_Lack(item.message) for item in results.errors if item.check not in _TOLD_BY_REVOCATION]
    missing = tuple(dict.fromkeys(lack.sentence for lack in lacks))
    return Evidence(verdict, data, missing, final=any(lack.final for lack in lacks))


def _verdict(path: Path, results: ValidationResults, kept: Kept, qualification: Qualification | None) -> TrustVerdict:
    return TrustVerdict(tuple(link.der for link in path.links), results, kept.policies, path.anchored, qualification)


_NOT_VOUCHED = "No trusted root vouches for all issuers of the certificate, so nobody is asked whether it was revoked."
_TOLD_BY_REVOCATION = frozenset({Check.CERTIFICATE_REVOKED, Check.CERTIFICATE_EXPIRED, Check.CERTIFICATE_NOT_YET_VALID})


@dataclass(frozen=True, slots=True)
class _Lack:
    """What evidence does not prove. `final`: nothing that is asked for later changes that."""

    sentence: str
    final: bool = False


def _lacks(path: Path, anchors: Anchors, at: datetime, revocations: Mapping[bytes, Revocation]) -> Iterator[_Lack]:
    """What is not shown about revocation. No sentence holds a name."""
    if anchors.rules.revocation is RevocationRule.NOT_ASKED:
        yield _Lack("The security context asks nobody about revocation, so nothing proves it later.", final=True)
        return
    for position, (certificate, _) in enumerate(path.pairs):
        who = "The certificate" if position == 0 else f"The certificate of issuer {position}"
        yield from _lacks_of(who, certificate, at, revocations.get(certificate.fingerprint))


def _lacks_of(who: str, certificate: Link, at: datetime, found: Revocation | None) -> Iterator[_Lack]:
    if found is None:
        if at > certificate.certificate.not_after:
            sentence = f"{who} is not in date: nobody says any more whether it was revoked."
            yield _Lack(sentence, final=True)
        else:
            yield _Lack(f"{who} is not in date yet.")
        return
    match found.status:
        case Status.REVOKED:
            when = "" if found.revoked_on is None else f" on {found.revoked_on:{_DAY}}"
            # A hold may be lifted (RFC 5280, 5.3.1); nothing else is.
            yield _Lack(f"{who} was revoked{when}.", final=found.reason not in _LIFTED)
        case Status.UNKNOWN:
            reasons = " ".join(dict.fromkeys(failure.reason for failure in found.failures))
            names_nobody = not has_sources(certificate)
            yield _Lack(f"{who}: it is not known whether it was revoked. {reasons}", final=names_nobody)
        case Status.GOOD:
            yield from (_Lack(f"{who}: {reason}") for reason in found.lacking)


_LIFTED = frozenset({"certificateHold", "removeFromCRL"})


def _find(
    chain: CertificateChain,
    anchors: Anchors,
    at: datetime,
    policies: PolicyInputs,
    *,
    use: CertificateUse,
    issuers: Issuers | None,
    offline: bool = False,
    others: Sequence[Link] = (),
) -> tuple[Path, Kept, tuple[Link, ...]]:
    """The path, what it keeps of the rules, and the authorities that are known. `others` are known, not trusted.

    Raises: BadCertificate.
    """
    leaf, sent = read_chain(chain)
    known = (*sent, *anchors.intermediates, *others)
    roots = anchors.roots_for((leaf, *known), at, use)
    path = find_path(leaf, known, roots, at)
    if issuers is not None and not path.anchored:
        path, known = _completed(path, known, anchors, at, issuers, use=use, offline=offline)
        roots = anchors.roots_for((leaf, *known), at, use)
    kept = check_rules(path, at, policies) if path.anchored else Kept()
    more = anchors.rules.purposes
    if path.anchored and leaf.certificate.purposes_for(use, more) and not _may_be_taken(path, kept, use, more):
        for other in find_other_paths(leaf, known, roots, at, path):
            kept_there = check_rules(other, at, policies)
            if _may_be_taken(other, kept_there, use, more):
                path, kept = other, kept_there
                break
    return path, kept, known


def _completed(
    path: Path,
    known: tuple[Link, ...],
    anchors: Anchors,
    at: datetime,
    issuers: Issuers,
    *,
    use: CertificateUse,
    offline: bool,
) -> tuple[Path, tuple[Link, ...]]:
    """The path with issuers that nobody has sent, as far as it leads, and all authorities that are known then."""
    deadline = issuers.deadline()
    for _ in range(MAX_STEPS):
        top = path.links[-1]
        if path.anchored or path.ends_at_foreign_root:
            break
        there = {link.fingerprint for link in (*known, *path.links)}
        found = [link for link in issuers.of(top, deadline, offline=offline) if link.fingerprint not in there]
        if not found:
            break
        known = (*known, *found)
        leaf = path.links[0]
        path = find_path(leaf, known, anchors.roots_for((leaf, *known), at, use), at)
    return path, known


def _may_be_taken(path: Path, kept: Kept, use: CertificateUse, more: tuple[str, ...]) -> bool:
    return kept.broken is None and bool(_purposes_left(path, use, more))


def _purposes_left(path: Path, use: CertificateUse, more: tuple[str, ...]) -> frozenset[str]:
    """The purposes of the lowest certificate, for this use, that every authority below the root allows.

    `more`: what the context accepts beside the usual ones.
    """
    left = path.links[0].certificate.purposes_for(use, more)
    for authority in path.links[1:-1] if path.anchored else path.links[1:]:
        left &= authority.certificate.purposes_for(use, more)
    return left


def _revocations(
    of_path: Sequence[tuple[Link, Link]],
    at: datetime,
    sources: RevocationSources,
    known: Sequence[Link],
    *,
    rules: ContextRules,
    whole: bool = False,
    offline: bool = False,
    spent: float = 0.0,
) -> dict[bytes, Revocation]:
    """By fingerprint. Certificates that are not in date are left out: lists forget them. `spent`: seconds."""
    pairs = [(certificate, issuer) for certificate, issuer in of_path if certificate.valid_at(at)]
    asked = sources.ask(pairs, at, known, rules=rules, whole=whole, offline=offline, spent=spent)
    return {certificate.fingerprint: revocation for (certificate, _), revocation in zip(pairs, asked, strict=True)}


@dataclass(frozen=True, slots=True)
class _Judgement:
    path: Path
    anchors: Anchors
    at: datetime
    revocations: Mapping[bytes, Revocation]
    unknown_is: Outcome
    kept: Kept
    use: CertificateUse

    def of_signer(self) -> ValidationResults:
        leaf = self.path.links[0]
        items = [
            *self._validity(leaf),
            *self._fitness(leaf),
            *self._purpose(leaf),
            *self._root(),
            *self._issued(0),
        ]
        if self.path.anchored and all(item.outcome is not Outcome.ERROR for item in items):
            items.append(self._rules())
            items += self._policy()
        return ValidationResults.of(items)

    def _of_issuer(self, position: int) -> ValidationResults:
        link = self.path.links[position]
        if self.path.anchored and position == len(self.path.links) - 1:
            # RFC 5280, 6.1.1 (d): an anchor is trusted for its name and key; its validity is the operator's affair.
            return ValidationResults.of([_passed("The certificate is a trusted root of the security context.")])
        return ValidationResults.of(
            [
                *self._validity(link),
                *self._authority(link),
                *self._strength(link),
                *self._length(position),
                *self._issued(position),
            ]
        )

    # -- the certificate by itself -----------------------------------------------------------------------

    def _validity(self, link: Link) -> Iterator[ValidationItem]:
        begin, end = link.certificate.not_before, link.certificate.not_after
        if self.at < begin:
            yield _failed(
                Check.CERTIFICATE_NOT_YET_VALID, "The certificate is not valid yet.", f"Valid from {begin:{_DAY}}."
            )
        elif self.at > end:
            yield _failed(Check.CERTIFICATE_EXPIRED, "The certificate has expired.", f"Expired on {end:{_DAY}}.")
        else:
            yield _passed("The certificate is in date.")

    def _fitness(self, link: Link) -> Iterator[ValidationItem]:
        try:
            # Its dates have an item of their own.
            link.certificate.require_use(self.use, self.anchors.rules.purposes)
        except CertificateKeyUsage as error:
            yield _failed(Check.INVALID_KEY_USAGE, error.message, error.detail)
        except CertificateKeyNotSupported as error:
            yield _failed(Check.ALGORITHM_NOT_ALLOWED, error.message, error.detail)
        else:
            yield _passed("The key and its usage are fit for signing.")
        yield from self._key(link)

    def _key(self, link: Link) -> Iterator[ValidationItem]:
        """What the security context itself says about keys."""
        if not self.anchors.rules.accepts_key(link.certificate, self.at):
            detail = f"It has {link.certificate.key_kind} of {link.certificate.key_bits} bits."
            yield _failed(Check.ALGORITHM_NOT_ALLOWED, "The security context does not accept the key.", detail)

    def _purpose(self, link: Link) -> Iterator[ValidationItem]:
        """An authority's extended key usage limits what the certificates below it are for; a root's does not.

        RFC 5280 leaves this open; it is how every large validator reads it, and how RFC 9336, 4, wants it.
        """
        more = self.anchors.rules.purposes
        if link.certificate.purposes_for(self.use, more) and not _purposes_left(self.path, self.use, more):
            yield ValidationItem(
                Check.INVALID_KEY_USAGE,
                Outcome.ERROR if self.path.anchored else Outcome.WARNING,
                "An authority above the certificate may only issue certificates for other purposes.",
            )

    def _authority(self, link: Link) -> Iterator[ValidationItem]:
        if link.may_certify:
            yield _passed("The certificate is an authority's.")
        else:
            yield _failed(Check.UNAUTHORIZED_ISSUER, "The certificate may not issue others.")

    def _strength(self, link: Link) -> Iterator[ValidationItem]:
        if link.has_short_key:
            detail = f"It has {link.certificate.key_kind} of {link.certificate.key_bits} bits."
            yield _failed(Check.ALGORITHM_NOT_ALLOWED, "The authority's key is too short.", detail)
        yield from self._key(link)

    def _length(self, position: int) -> Iterator[ValidationItem]:
        """RFC 5280, 4.2.1.9: authorities between this one and the signer; self-issued ones do not count."""
        allowed = self.path.links[position].path_length
        between = sum(not link.self_issued for link in self.path.links[1:position])
        if allowed is not None and between > allowed:
            yield _failed(
                Check.INVALID_CERTIFICATION_PATH_LENGTH,
                "There are more authorities below this one than it allows.",
                f"It allows {allowed}, there are {between}.",
            )

    # -- the certificate and its issuer ------------------------------------------------------------------

    def _root(self) -> Iterator[ValidationItem]:
        if self.path.anchored:
            yield _passed("The path ends at a trusted root.")
        elif self.anchors.any_issuer:
            yield ValidationItem(
                Check.UNKNOWN_ROOT_TRUST_STATUS,
                Outcome.WARNING,
                "The issuer is unknown: this security context accepts every issuer.",
            )
        elif self.path.ends_at_foreign_root:
            yield _failed(
                Check.CERTIFICATE_CHAIN_ROOT_NOT_TRUSTED,
                "The path ends at a root that is not trusted in this security context.",
            )

    def _issued(self, position: int) -> Iterator[ValidationItem]:
        """The signature on the certificate at `position`, its revocation, and its issuer's results."""
        links = self.path.links
        if position == len(links) - 1:
            yield from self._top()
            return
        yield from self._signature(links[position])
        yield from self._revocation(links[position])
        yield self._issuer(position + 1)

    def _top(self) -> Iterator[ValidationItem]:
        """Nobody above: a trusted root, a foreign one, or the first certificate whose issuer is not known."""
        if self.path.signature_broken:
            yield _failed(
                Check.INVALID_CERTIFICATE_SIGNATURE, "The certificate was not signed by the issuer that it names."
            )
        elif not (self.path.anchored or self.path.ends_at_foreign_root or self.anchors.any_issuer):
            yield _failed(Check.CERTIFICATE_ISSUER_NOT_FOUND, "The certificate's issuer is not known.")

    def _signature(self, link: Link) -> Iterator[ValidationItem]:
        if (digest := link.weak_digest) is None:
            yield _passed("The issuer's signature is valid.")
            name = digest_name(link)
            if not self.anchors.rules.accepts_digest(name, self.at):
                message, detail = "The security context does not accept the digest.", f"It is {name.upper()}."
                yield _failed(Check.ALGORITHM_NOT_ALLOWED, message, detail)
        else:
            message = "The issuer signed with an algorithm that is not safe any more."
            # `any` accepts every issuer; how well that unknown issuer signs adds nothing.
            outcome = Outcome.WARNING if self.anchors.any_issuer else Outcome.ERROR
            yield ValidationItem(Check.ALGORITHM_NOT_ALLOWED, outcome, message, f"Its digest is {digest.upper()}.")

    def _issuer(self, position: int) -> ValidationItem:
        inner = self._of_issuer(position)
        if inner.valid:
            return ValidationItem(
                Check.CERTIFICATE_ISSUER_VALID, Outcome.PASSED, "The issuer's certificate is valid.", inner=inner
            )
        return ValidationItem(
            Check.CERTIFICATE_ISSUER_INVALID,
            Outcome.WARNING if self.anchors.any_issuer else Outcome.ERROR,
            "The issuer's certificate is not valid.",
            inner=inner,
        )

    def _revocation(self, link: Link) -> Iterator[ValidationItem]:
        found = self.revocations.get(link.fingerprint)
        if found is None:
            return
        match found.status:
            case Status.GOOD:
                yield _passed("The certificate is not revoked.", f"Source: {found.source}.", found.failures)
            case Status.REVOKED:
                yield _failed(
                    Check.CERTIFICATE_REVOKED, "The certificate was revoked by its issuer.", _when_and_why(found)
                )
            case Status.UNKNOWN:
                yield ValidationItem(
                    Check.CERTIFICATE_REVOCATION_STATUS_UNKNOWN,
                    self.unknown_is,
                    "It is not known whether the certificate was revoked.",
                    " ".join(dict.fromkeys(failure.reason for failure in found.failures)),
                    _tried(found.failures, self.unknown_is),
                )

    def _rules(self) -> ValidationItem:
        if self.kept.broken is None:
            return _passed("The path keeps the rules of RFC 5280.")
        return _failed(
            Check.CERTIFICATE_VALIDATION_FAILED, "The path breaks a rule of RFC 5280.", f"{self.kept.broken}."
        )

    def _policy(self) -> Iterator[ValidationItem]:
        """One of the policies that the context asks for holds for the signer's certificate."""
        wanted = self.anchors.rules.policies
        if self.use is CertificateUse.SIGNATURES and wanted and not self.kept.policies & set(wanted):
            message = "None of the policies that the security context asks for holds for the certificate."
            yield _failed(Check.CERTIFICATE_VALIDATION_FAILED, message)


def _passed(message: str, detail: str | None = None, failures: tuple[Failure, ...] = ()) -> ValidationItem:
    return ValidationItem(Check.SUCCESS, Outcome.PASSED, message, detail, _tried(failures, Outcome.WARNING))


def _failed(check: Check, message: str, detail: str | None = None) -> ValidationItem:
    return ValidationItem(check, Outcome.ERROR, message, detail)


def _tried(failures: tuple[Failure, ...], outcome: Outcome) -> ValidationResults | None:
    """Answers that were of no use, as results of their own."""
    answers = [failure for failure in failures if failure.check is not Check.CERTIFICATE_REVOCATION_STATUS_UNKNOWN]
    if not answers:
        return None
    return ValidationResults.of(ValidationItem(answer.check, outcome, answer.reason) for answer in answers)


def _when_and_why(found: Revocation) -> str:
    when = "Revoked" if found.revoked_on is None else f"Revoked on {found.revoked_on:{_DAY}}"
    return f"{when}, says the {found.source}." if found.reason is None else f"{when} ({found.reason})."
