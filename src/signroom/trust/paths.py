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
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from signroom.domain.certificate import Certificate, KeyKind
from signroom.domain.errors import BadCertificate
from signroom.domain.signature import CertificateChain
from signroom.formats.certificate import load_certificate, signed_octets
from signroom.trust.certificates import recently_read
from signroom.trust.extensions import read_extensions
from signroom.trust.names import CanonicalName, canonical, same_name
from signroom.trust.pointers import (
    ListPoint,
    read_authority_key,
    read_issuer_addresses,
    read_lists,
    read_ocsp_addresses,
    read_path_length,
    read_subject_key,
)

MAX_ISSUERS = 100
MAX_DEPTH = 10
MAX_CHAIN = 512 << 10
"""Bytes of all issuers that come along; real ones have 1-4 KB each."""
_KEPT, _KEPT_LEAVES, _KEPT_LENGTH = 64, 16, 4 << 10
"""Certificates of authorities and of signers that are kept as they were read, of so many bytes at most each."""
MAX_SIGNATURES = 400
_MOST_BITS = MAX_SIGNATURES * 2048**2
"""A signature costs the square of its key's bits: so many by keys of 2048 bits, or a quarter of them by 4096."""
_LEAST_RSA_BITS, _LEAST_EC_BITS = 2048, 224
_LONGEST_EXPONENT = 64
"""Bits of an RSA key's exponent. OpenSSL takes any with a modulus of up to 3072 bits: it costs as much as signing."""

_PKCS1 = padding.PKCS1v15()

_Fitness = Callable[["Link"], bool]


@dataclass(frozen=True, slots=True)
class Pointers:
    """Where a certificate says that its revocation is to be asked for."""

    ocsp: tuple[str, ...] = ()
    """Addresses of responders (RFC 5280, 4.2.2.1)."""
    crl: tuple[str, ...] = ()
    """Addresses of its issuer's own lists, whatever their scheme (RFC 5280, 4.2.1.13)."""
    points: tuple[ListPoint, ...] = ()
    """The distribution points that these addresses, and names of other kinds, stand in."""
    issuers: tuple[str, ...] = ()
    """Addresses of its issuer's certificate (RFC 5280, 4.2.2.1)."""


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
        return same_name(self.parsed.subject, self.parsed.issuer)

    @property
    def may_certify(self) -> bool:
        """RFC 5280, 6.1.4 (k) and (n)."""
        usage = self.certificate.key_usage
        return self.certificate.is_ca and (usage is None or "keyCertSign" in usage)

    @property
    def may_sign_lists(self) -> bool:
        """RFC 5280, 6.3.3 (f)."""
        usage = self.certificate.key_usage
        return usage is None or "cRLSign" in usage

    @property
    def weak_digest(self) -> str | None:
        """The digest that this certificate is signed with, when collisions of it are known."""
        return weak_digest(self.parsed.signature_hash_algorithm)

    @property
    def has_short_key(self) -> bool:
        """Somebody may have computed the private key, and sign as this authority."""
        least = _LEAST_RSA_BITS if self.certificate.key_kind is KeyKind.RSA else _LEAST_EC_BITS
        return self.certificate.key_bits < least

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
    def by_authorities(self) -> bool:
        """Every issuer on it may certify."""
        return all(link.may_certify for link in self.links[1:])

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
    # A page has it judged to be offered, and then to be signed with.
    leaf = (_kept_leaf if len(chain.certificate) <= _KEPT_LENGTH else read_link)(chain.certificate)
    return leaf, tuple({der: _read_issuer(der) for der in chain.issuers if der != leaf.der}.values())


def _read_issuer(der: bytes) -> Link:
    """All signers of an authority bring its certificate along: it is read once. Raises: BadCertificate."""
    return _kept_issuer(der) if len(der) <= _KEPT_LENGTH else read_link(der)


def read_link(der: bytes) -> Link:
    """Raises: BadCertificate."""
    try:
        certificate = recently_read(der)
        extensions = read_extensions(der)
        parsed = load_certificate(der)
        return Link(
            certificate,
            parsed,
            read_path_length(extensions),
            read_subject_key(extensions),
            read_authority_key(extensions),
            Pointers(
                read_ocsp_addresses(extensions),
                *read_lists(extensions, parsed.issuer.public_bytes()),
                read_issuer_addresses(extensions),
            ),
        )
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise BadCertificate from error


_kept_issuer = lru_cache(_KEPT)(read_link)
_kept_leaf = lru_cache(_KEPT_LEAVES)(read_link)


def find_path(leaf: Link, issuers: Iterable[Link], roots: Sequence[Link], at: datetime) -> Path:
    """The shortest path from `leaf` to one of `roots` by signatures that verify; else the longest way up.

    A path of authorities that are in date at `at` is preferred. Whether the certificates on it may be there at all
    is judged afterwards: a path that breaks a rule tells more than no path.
    """
    search = _Search((*roots, *issuers), {root.fingerprint for root in roots})
    good = search.run(leaf, lambda link: link.may_certify and link.valid_at(at))
    return good if good.anchored else search.run(leaf, lambda _link: True)


def find_other_paths(
    leaf: Link, issuers: Iterable[Link], roots: Sequence[Link], at: datetime, path: Path
) -> Iterator[Path]:
    """Anchored paths that avoid one of the authorities of `path`, each in turn.

    Authorities certify each other, for purposes and names of their own: where one path may not be taken another may.
    """
    search = _Search((*roots, *issuers), {root.fingerprint for root in roots})
    for avoided in path.links[1:-1]:

        def fit(link: Link, avoided: bytes = avoided.fingerprint) -> bool:
            return link.fingerprint != avoided and link.may_certify and link.valid_at(at)

        other = search.run(leaf, fit)
        if other.anchored:
            yield other


def signed_by(child: Link, issuer: Link) -> bool:
    """Whether `issuer`'s key made the signature of `child`, and its name is the one that `child` gives.

    The library's own check wants names to be equal byte by byte, and refuses weak digests, good or bad. We say which of
    the two it is, and refuse a weak digest by its name then.
    """
    made, by = child.parsed, issuer.parsed
    if not same_name(made.issuer, by.subject):
        return False
    try:
        key = by.public_key()
        if isinstance(key, rsa.RSAPublicKey) and key.public_numbers().e.bit_length() > _LONGEST_EXPONENT:
            return False
        digest, scheme = made.signature_hash_algorithm, made.signature_algorithm_parameters
        if digest is None:
            return False
        return verifies(key, made.signature, signed_octets(child.der), digest, scheme)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False


def verifies(key: object, signature: bytes, data: bytes, digest: hashes.HashAlgorithm, scheme: object = _PKCS1) -> bool:
    """RSA with PKCS #1 v1.5 or the PSS of `scheme`, and ECDSA."""
    try:
        match key:
            case rsa.RSAPublicKey() if isinstance(scheme, padding.PSS | padding.PKCS1v15):
                key.verify(signature, data, scheme, digest)
            case ec.EllipticCurvePublicKey():
                key.verify(signature, data, ec.ECDSA(digest))
            case _:
                return False
    except (InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def digest_name(link: Link) -> str:
    """By which the issuer has signed it, like ``sha256``; empty for a signature without one."""
    algorithm = link.parsed.signature_hash_algorithm
    return "" if algorithm is None else algorithm.name


def weak_digest(algorithm: hashes.HashAlgorithm | None) -> str | None:
    """The name of a digest that nobody may rely on any more."""
    return algorithm.name if isinstance(algorithm, hashes.MD5 | hashes.SHA1) else None


class _Search:
    """Breadth first, from the leaf up; remembers which signatures it verified."""

    def __init__(self, authorities: Sequence[Link], roots: set[bytes]) -> None:
        self._roots = roots
        self._verified: dict[tuple[bytes, bytes], bool] = {}
        self._left = _MOST_BITS
        self._by_name: dict[CanonicalName, list[Link]] = {}
        for link in authorities:
            self._by_name.setdefault(canonical(link.parsed.subject), []).append(link)

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
                is_root = issuer.fingerprint in self._roots
                if is_root and not issuer.may_certify:
                    continue  # trusted itself, as timestamp services on lists are; not what it signs
                if not known and (is_root or fit(issuer)) and self._signed(link, issuer):
                    below[issuer.fingerprint] = link
                    waiting.append((issuer, depth + 1))
        return Path(_way_to(highest, below), anchored=False, signature_broken=self._is_forged(highest))

    def _candidates(self, link: Link) -> Iterator[Link]:
        """RFC 5280, 6.1.3 (a)(4), and the key identifier where both name one: it tells an authority's keys apart."""
        for issuer in self._by_name.get(canonical(link.parsed.issuer), ()):
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
