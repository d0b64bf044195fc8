"""Certification paths: from a signer's certificate up to a root, or as far as issuers are known (RFC 5280, 6).

Nothing is fetched and nobody is trusted here: who comes in as a root is a root. The work is bounded whatever comes
in: `MAX_ISSUERS` certificates of `MAX_CHAIN` bytes, as much time as `MAX_SIGNATURES` usual signatures take,
`MAX_DEPTH` steps up; each certificate is looked
at once, so issuers that certify each other in a circle end the search instead of keeping it going.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from signroom.domain.certificate import Certificate
from signroom.domain.errors import BadCertificate
from signroom.domain.signature import CertificateChain
from signroom.trust.certificates import read_certificate
from signroom.trust.extensions import read_extensions
from signroom.trust.pointers import (
    read_authority_key,
    read_crl_addresses,
    read_ocsp_addresses,
    read_path_length,
    read_subject_key,
)

MAX_ISSUERS = 100
MAX_DEPTH = 10
MAX_CHAIN = 512 << 10
"""Bytes of all issuers that come along; real ones have 1-4 KB each."""
MAX_SIGNATURES = 400
_MOST_BITS = MAX_SIGNATURES * 2048**2
"""A signature costs the square of its key's bits: so many by keys of 2048 bits, or a quarter of them by 4096."""
_LONGEST_EXPONENT = 64
"""Bits of an RSA key's exponent. OpenSSL takes any with a modulus of up to 3072 bits: it costs as much as signing."""

_Fitness = Callable[["Link"], bool]


@dataclass(frozen=True, slots=True)
class Pointers:
    """Where a certificate says that its revocation is to be asked for."""

    ocsp: tuple[str, ...] = ()
    """Addresses of responders (RFC 5280, 4.2.2.1)."""
    crl: tuple[str, ...] = ()
    """Addresses of its issuer's own complete lists, whatever their scheme (RFC 5280, 4.2.1.13)."""


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """A certificate of a path: as plain values, and as the library has it."""

    certificate: Certificate
    parsed: x509.Certificate
    path_length: int | None
    """The pathLenConstraint of an authority (RFC 5280, 4.2.1.9)."""
    subject_key: bytes | None
    authority_key: bytes | None
    """The key identifiers (RFC 5280, 4.2.1.1 and 4.2.1.2)."""
    pointers: Pointers

    @property
    def der(self) -> bytes:
        return self.certificate.der

    @property
    def fingerprint(self) -> bytes:
        return self.certificate.sha256

    @property
    def self_issued(self) -> bool:
        return self.parsed.subject == self.parsed.issuer

    @property
    def may_certify(self) -> bool:
        """RFC 5280, 6.1.4 (k) and (n)."""
        usage = self.certificate.key_usage
        return self.certificate.is_ca and (usage is None or "keyCertSign" in usage)

    @property
    def weak_digest(self) -> str | None:
        """The digest that this certificate is signed with, when collisions of it are known."""
        return weak_digest(self.parsed.signature_hash_algorithm)

    def valid_at(self, moment: datetime) -> bool:
        return self.certificate.not_before <= moment <= self.certificate.not_after


@dataclass(frozen=True, slots=True)
class Path:
    """``links`` from the signer's certificate upwards."""

    links: tuple[Link, ...]
    anchored: bool
    """The last link is a root of those that were given."""
    signature_broken: bool = False
    """An issuer of the last link's issuer's name and key is known, but did not sign it."""

    @property
    def ends_at_foreign_root(self) -> bool:
        return not self.anchored and self.links[-1].self_issued and not self.signature_broken

    @property
    def pairs(self) -> tuple[tuple[Link, Link], ...]:
        """(certificate, issuer) from the bottom up."""
        return tuple(zip(self.links, self.links[1:], strict=False))


def read_chain(chain: CertificateChain) -> tuple[Link, tuple[Link, ...]]:
    """The signer's certificate, and each other certificate once.

    Raises: BadCertificate for what is no certificate, or for more than `MAX_ISSUERS`.
    """
    if len(chain.issuers) > MAX_ISSUERS:
        raise BadCertificate(f"At most {MAX_ISSUERS} issuers may come along.")
    if sum(map(len, chain.issuers)) > MAX_CHAIN:
        raise BadCertificate(f"Its issuers have more than {MAX_CHAIN >> 10} KB together.")
    leaf = read_link(chain.certificate)
    return leaf, tuple({der: read_link(der) for der in chain.issuers if der != leaf.der}.values())


def read_link(der: bytes) -> Link:
    """Raises: BadCertificate."""
    try:
        certificate = read_certificate(der)
        extensions = read_extensions(der)
        return Link(
            certificate,
            x509.load_der_x509_certificate(der),
            read_path_length(extensions),
            read_subject_key(extensions),
            read_authority_key(extensions),
            Pointers(read_ocsp_addresses(extensions), read_crl_addresses(extensions)),
        )
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise BadCertificate from error


def find_path(leaf: Link, issuers: Iterable[Link], roots: Sequence[Link], at: datetime) -> Path:
    """The shortest path from `leaf` to one of `roots` by signatures that verify; else the longest way up.

    A path of authorities that are in date at `at` is preferred. Whether the certificates on it may be there at all
    is judged afterwards: a path that breaks a rule tells more than no path.
    """
    search = _Search((*roots, *issuers), {root.fingerprint for root in roots})
    good = search.run(leaf, lambda link: link.may_certify and link.valid_at(at))
    return good if good.anchored else search.run(leaf, lambda _link: True)


def signed_by(child: Link, issuer: Link) -> bool:
    """Whether `issuer`'s key made the signature of `child`, and its name is the one that `child` gives."""
    made, by = child.parsed, issuer.parsed
    try:
        key = by.public_key()
        if isinstance(key, rsa.RSAPublicKey) and key.public_numbers().e.bit_length() > _LONGEST_EXPONENT:
            return False
        algorithm = made.signature_hash_algorithm
        if algorithm is not None and weak_digest(algorithm):
            # The library refuses these, good or bad; we say which of the two it is, and refuse it by its name then.
            named = made.issuer == by.subject
            return named and verifies(by.public_key(), made.signature, made.tbs_certificate_bytes, algorithm)
        made.verify_directly_issued_by(by)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def verifies(key: object, signature: bytes, data: bytes, digest: hashes.HashAlgorithm) -> bool:
    """RSA with PKCS #1 v1.5, and ECDSA."""
    try:
        match key:
            case rsa.RSAPublicKey():
                key.verify(signature, data, padding.PKCS1v15(), digest)
            case ec.EllipticCurvePublicKey():
                key.verify(signature, data, ec.ECDSA(digest))
            case _:
                return False
    except (InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def weak_digest(algorithm: hashes.HashAlgorithm | None) -> str | None:
    """The name of a digest that nobody may rely on any more."""
    return algorithm.name if isinstance(algorithm, hashes.MD5 | hashes.SHA1) else None


def broken_rule(path: Path, at: datetime) -> str | None:
    """What RFC 5280, 6.1, has against an anchored path: policies, name constraints, critical extensions ...

    The whole algorithm is pyHanko's; revocation is left out here. The text names no person.
    """
    from asn1crypto import x509 as asn1
    from pyhanko_certvalidator.authority import CertTrustAnchor
    from pyhanko_certvalidator.context import ValidationContext
    from pyhanko_certvalidator.errors import ValidationError
    from pyhanko_certvalidator.path import ValidationPath
    from pyhanko_certvalidator.policy_decl import CertRevTrustPolicy, RevocationCheckingPolicy, RevocationCheckingRule
    from pyhanko_certvalidator.validate import validate_path

    if len(path.links) == 1:
        return None
    leaf, *middle, root = [asn1.Certificate.load(link.der) for link in path.links]
    anchor = CertTrustAnchor(root)
    nothing = RevocationCheckingPolicy(RevocationCheckingRule.NO_CHECK, RevocationCheckingRule.NO_CHECK)
    try:
        rules = ValidationContext(
            trust_roots=[anchor],
            moment=at,
            allow_fetching=False,
            revinfo_policy=CertRevTrustPolicy(nothing),
        )
        validate_path(rules, ValidationPath(anchor, middle[::-1], leaf))
    except ValidationError as error:
        # Only the first sentence: what follows may be the names that a constraint forbids.
        return error.failure_msg.split(". ")[0]
    except (ValueError, TypeError, KeyError, NotImplementedError):
        return "A certificate on the path is malformed"
    return None


class _Search:
    """Breadth first, from the leaf up; remembers which signatures it verified."""

    def __init__(self, authorities: Sequence[Link], roots: set[bytes]) -> None:
        self._roots = roots
        self._verified: dict[tuple[bytes, bytes], bool] = {}
        self._left = _MOST_BITS
        self._by_name: dict[x509.Name, list[Link]] = {}
        for link in authorities:
            self._by_name.setdefault(link.parsed.subject, []).append(link)

    def run(self, leaf: Link, fit: _Fitness) -> Path:
        below: dict[bytes, Link | None] = {leaf.fingerprint: None}
        waiting = deque([(leaf, 0)])
        highest, height = leaf, 0
        while waiting:
            link, depth = waiting.popleft()
            if link.fingerprint in self._roots:
                return Path(_way_to(link, below), anchored=True)
            if depth > height:
                highest, height = link, depth
            if depth == MAX_DEPTH:
                continue
            for issuer in self._candidates(link):
                known = issuer.fingerprint in below
                if not known and (issuer.fingerprint in self._roots or fit(issuer)) and self._signed(link, issuer):
                    below[issuer.fingerprint] = link
                    waiting.append((issuer, depth + 1))
        return Path(_way_to(highest, below), anchored=False, signature_broken=self._is_forged(highest))

    def _candidates(self, link: Link) -> Iterator[Link]:
        """RFC 5280, 6.1.3 (a)(4), and the key identifier where both name one: it tells an authority's keys apart."""
        for issuer in self._by_name.get(link.parsed.issuer, ()):
            named = link.authority_key is not None and issuer.subject_key is not None
            if not named or link.authority_key == issuer.subject_key:
                yield issuer

    def _is_forged(self, link: Link) -> bool:
        candidates = list(self._candidates(link))
        if link.self_issued:
            candidates.append(link)
        return bool(candidates) and not any(self._signed(link, issuer) for issuer in candidates)

    def _signed(self, child: Link, issuer: Link) -> bool:
        pair = child.fingerprint, issuer.fingerprint
        if pair not in self._verified:
            self._left -= max(issuer.certificate.key_bits, 2048) ** 2
            if self._left < 0:
                return False
            self._verified[pair] = signed_by(child, issuer)
        return self._verified[pair]


def _way_to(link: Link, below: dict[bytes, Link | None]) -> tuple[Link, ...]:
    way: list[Link] = []
    step: Link | None = link
    while step is not None:
        way.append(step)
        step = below[step.fingerprint]
    return tuple(reversed(way))
