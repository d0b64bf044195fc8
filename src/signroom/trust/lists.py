"""Revocation lists read and judged (RFC 5280, 5 and 6.3.3). Nothing is fetched here.

Lists are read by the library cryptography. pyHanko's validator needs 10 s and more for 15 MB, this one 0.2 s.
What is left out on purpose, and makes a list useless: indirect lists, delta lists.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from asn1crypto import pem
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from signroom.formats.certificate import load_list, signed_octets
from signroom.trust.names import same_name
from signroom.trust.paths import Link, verifies, weak_digest
from signroom.trust.pointers import ALL_REASONS, ListPoint, read_scope


class Useless(Exception):
    """An answer that says nothing about the certificate; the text says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a list says of a revoked certificate."""

    revoked_on: datetime
    reason: str | None


@contextmanager
def reading(complaint: str) -> Iterator[None]:
    """What the library raises for malformed answers becomes `Useless`."""
    try:
        yield
    except (ValueError, TypeError, NotImplementedError, UnsupportedAlgorithm) as error:
        raise Useless(complaint) from error
    except (x509.DuplicateExtension, x509.UnsupportedGeneralNameType, x509.InvalidVersion) as error:
        raise Useless(complaint) from error


class ReadList:
    """A list that was read. Its signature is checked once with each key: that takes a second for 20 MB."""

    def __init__(self, answer: bytes) -> None:
        """`answer`: DER as RFC 5280, 4.2.1.13 wants it, or PEM, which some authorities serve. Raises: ValueError and
        what else the library raises.
        """
        self.octets = _der_of(answer)
        # It may have been read from a copy of the octets with other tags.
        self.parsed = load_list(self.octets)
        self._signed: dict[bytes, bool] = {}
        self._checking = threading.Lock()

    def is_signed_by(self, signer: Link) -> bool:
        with self._checking:
            if signer.fingerprint not in self._signed:
                self._signed[signer.fingerprint] = _is_signed(self.parsed, self.octets, signer)
            return self._signed[signer.fingerprint]


def _der_of(answer: bytes) -> bytes:
    """Raises: ValueError for PEM of something else."""
    if not answer.lstrip()[:10].startswith(b"-----BEGIN"):
        return answer
    kind, _, der = pem.unarmor(answer.strip())
    if kind != "X509 CRL":
        raise ValueError("PEM of something else")
    return bytes(der)


def find_signer(read: ReadList, issuer: Link, others: Sequence[Link]) -> Link:
    """The authority that signed the list: `issuer`, or one of `others`, which have the issuer's name and another key.

    RFC 5280, 6.3.3 (b), (f), (g). Whether one of `others` may speak for the issuer is the caller's question.
    Raises: Useless.
    """
    found = read.parsed
    if not same_name(found.issuer, issuer.parsed.subject):
        raise Useless("The list is by another issuer.")
    if weak_digest(found.signature_hash_algorithm):
        raise Useless("The list is signed by an algorithm that is not accepted.")
    complaint = "The signature of the list does not verify."
    for signer in (issuer, *others):
        if not read.is_signed_by(signer):
            continue
        if signer.may_sign_lists:
            return signer
        complaint = "The issuer may not sign lists."
    raise Useless(complaint)


def _is_signed(found: x509.CertificateRevocationList, octets: bytes, signer: Link) -> bool:
    digest, scheme = found.signature_hash_algorithm, found.signature_algorithm_parameters
    if digest is None:
        return False
    return verifies(signer.parsed.public_key(), found.signature, signed_octets(octets), digest, scheme)


def covered_reasons(found: x509.CertificateRevocationList, certificate: Link) -> frozenset[str]:
    """The reasons for which the list would name `certificate`.

    RFC 5280, 6.3.3 (b)(2), (d), and 5.2: a critical extension that is not understood makes a list useless.
    Raises: Useless, ValueError.
    """
    covered = ALL_REASONS
    for extension in found.extensions:
        if isinstance(extension.value, x509.IssuingDistributionPoint):
            _require_kind(extension.value, certificate)
            scope = read_scope(extension.value.public_bytes(), found.issuer.public_bytes())
            covered = _covered(scope, certificate)
        elif isinstance(extension.value, x509.DeltaCRLIndicator):
            raise Useless("The list has only the changes to another list.")
        elif extension.critical:
            raise Useless("The list has a critical extension that is not known here.")
    return covered


def find_entry(read: ReadList, certificate: Link) -> Entry | None:
    """Raises: Useless for an entry with a critical extension that is not understood (RFC 5280, 5.3)."""
    # Of a large list every entry would be looked at. In DER a number is written in one way only.
    if _integer(certificate.parsed.serial_number) not in read.octets:
        return None
    entry = read.parsed.get_revoked_certificate_by_serial_number(certificate.parsed.serial_number)
    if entry is None:
        return None
    return Entry(entry.revocation_date_utc, _reason(entry))


def _integer(number: int) -> bytes:
    """DER of an INTEGER of less than 128 octets."""
    content = number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)
    return bytes((2, len(content))) + content


def _require_kind(scope: x509.IssuingDistributionPoint, certificate: Link) -> None:
    if scope.indirect_crl or scope.only_contains_attribute_certs:
        raise Useless("The list is for other issuers' certificates too, or for attributes.")
    is_authority = certificate.certificate.is_ca
    if (scope.only_contains_user_certs and is_authority) or (scope.only_contains_ca_certs and not is_authority):
        raise Useless("The list is for another kind of certificates.")


def _covered(scope: ListPoint, certificate: Link) -> frozenset[str]:
    if not scope.names:
        return scope.reasons
    named = [point for point in certificate.pointers.points if point.names & scope.names]
    if not named:
        raise Useless("The list is not the one that the certificate names.")
    return scope.reasons & frozenset[str]().union(*(point.reasons for point in named))


def _reason(entry: x509.RevokedCertificate) -> str | None:
    try:
        return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value
    except (x509.ExtensionNotFound, ValueError):
        return None
