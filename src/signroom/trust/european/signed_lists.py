"""Trusted lists (ETSI TS 119 612) read, after their signature was verified.

Whoever may sign a list is known beforehand: the list of the lists says it for the national ones, and the European
Commission publishes it for the list of the lists. A list's own certificate proves nothing.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from lxml import etree  # type: ignore[import-untyped]

from signroom.domain.errors import BadTrustedList

MAX_LIST = 16 << 20
"""Bytes. The largest national list has about 5 MB."""
MOST_PIVOTS = 20
ANCHORED = datetime(2026, 4, 14, tzinfo=UTC)
"""The Official Journal (C/2026/1944) named the signers then. Lists of lists from before name signers of the past, whose
keys somebody may have come by."""
VERSIONS = frozenset({"5", "6"})
"""Of TS 119 612 v2.1.1 to v2.3.1, and from v2.4.1 on."""
MASTER_TYPE = "http://uri.etsi.org/TrstSvc/TrustedList/TSLType/EUlistofthelists"
NATIONAL_TYPE = "http://uri.etsi.org/TrstSvc/TrustedList/TSLType/EUgeneric"
_CLOCKS_DIFFER = timedelta(days=1)
_TSL, _DS = "{http://uri.etsi.org/02231/v2#}", "{http://www.w3.org/2000/09/xmldsig#}"


@dataclass(frozen=True, slots=True)
class SignedList:
    """A list whose signature verifies. ``content`` is what is signed of it, and nothing else."""

    content: bytes
    is_master: bool
    """It is the list of the lists."""
    territory: str
    sequence: int
    issued: datetime
    next_update: datetime

    def expired(self, at: datetime) -> bool:
        return at > self.next_update

    def is_older_than(self, other: SignedList) -> bool:
        return (self.sequence, self.issued) < (other.sequence, other.issued)


@dataclass(frozen=True, slots=True)
class Pointer:
    """Where a list is, and who may sign it (DER)."""

    territory: str
    address: str
    signers: tuple[bytes, ...]
    is_master: bool


def read_signed(content: bytes, signers: Sequence[bytes], at: datetime) -> SignedList:
    """The list, signed by one of `signers` (DER), whose certificate must be in date at `at`.

    Whether the list itself is in date is for the caller to ask. Raises: BadTrustedList.
    """
    root = _parsed(content)
    found = root.findall(f"{_DS}Signature")
    if len(found) != 1:
        raise BadTrustedList("It is not signed." if not found else "It is signed more than once.")
    named = {_decoded(element.text) for element in found[0].iterfind(f"{_DS}KeyInfo//{_DS}X509Certificate")}
    allowed = [der for der in dict.fromkeys(signers) if der in named]
    if not allowed:
        raise BadTrustedList("It is not signed by one of those who may sign it.")
    signed = _verified(content, allowed[0], at)
    return _read(signed, at)


def read_pointers(master: SignedList) -> tuple[Pointer, ...]:
    """The lists that the list of the lists names, itself too. Raises: BadTrustedList."""
    from pyhanko.sign.validation.qualified import eutl_parse

    quieten()
    try:
        found = eutl_parse.parse_lotl_unsafe(master.content.decode())  # verified by us
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        raise BadTrustedList("It is not a list of lists that can be read.") from error
    return tuple(
        Pointer(
            reference.territory.upper(),
            reference.location_uri,
            tuple(certificate.dump() for certificate in reference.tlso_certs),
            eutl_parse.LOTL_RULE in reference.scheme_rules,
        )
        for reference in found.references
    )


def kind_of(content: bytes) -> tuple[bool, str]:
    """Whether it says that it is the list of the lists, and its territory. Nothing is verified.

    Raises: BadTrustedList.
    """
    root = _parsed(content)
    return _text(root, "TSLType") == MASTER_TYPE, _text(root, "SchemeTerritory").upper()


def read_pivots(content: bytes) -> tuple[str, ...]:
    """Addresses of earlier lists of lists, the oldest first: each names who signs the next one. Nothing is verified.

    Raises: BadTrustedList.
    """
    root = _parsed(content)
    found = [(element.text or "").strip() for element in root.iterfind(f"{_TSL}SchemeInformation//{_TSL}URI")]
    return tuple(sorted({text for text in found if text.startswith("https://") and "-pivot-" in text}))[-MOST_PIVOTS:]


def read_pivot(content: bytes, signers: Sequence[bytes]) -> tuple[bytes, ...]:
    """Who signs the next list of lists (DER), by an earlier one that one of `signers` has signed.

    Its signer had to be in date when it was issued. Raises: BadTrustedList.
    """
    issued = _moment(_parsed(content), "ListIssueDateTime")
    if issued < ANCHORED:
        raise BadTrustedList("It is from before the signers that were published last.")
    found = read_signed(content, signers, issued)
    if not found.is_master:
        raise BadTrustedList("It is not the list of the lists.")
    return tuple(der for pointer in read_pointers(found) if pointer.is_master for der in pointer.signers)


def published_signers() -> tuple[bytes, ...]:
    """Who may sign the list of the lists, as the library knew it when it was published (DER)."""
    from pyhanko.sign.validation.qualified import eutl_parse

    known = (*eutl_parse.latest_known_lotl_tlso_certs(), *eutl_parse.ojeu_bootstrap_lotl_tlso_certs())
    return tuple(dict.fromkeys(certificate.dump() for certificate in known))


def _parsed(content: bytes) -> etree._Element:
    if len(content) > MAX_LIST:
        raise BadTrustedList(f"It has more than {MAX_LIST >> 20} MB.")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BadTrustedList("It is not XML.") from error
    if root.getroottree().docinfo.doctype:
        raise BadTrustedList("It has a document type declaration.")
    if root.tag != f"{_TSL}TrustServiceStatusList":
        raise BadTrustedList("It is XML, but no trusted list.")
    return root


def _verified(content: bytes, signer: bytes, at: datetime) -> bytes:
    from signxml.exceptions import SignXMLException
    from signxml.xades.xades import XAdESSignatureConfiguration, XAdESVerifier

    expected = XAdESSignatureConfiguration(require_x509=True, expect_references=True, verification_time=at)
    try:
        certificate = x509.load_der_x509_certificate(signer)
        results = XAdESVerifier().verify(content, x509_cert=certificate, expect_config=expected)
    except (SignXMLException, UnsupportedAlgorithm, etree.LxmlError, ValueError, TypeError, LookupError) as error:
        raise BadTrustedList("Its signature is not valid.") from error
    for result in results:
        if result.signed_xml is not None and result.signed_xml.tag == f"{_TSL}TrustServiceStatusList":
            return bytes(result.signed_data)
    raise BadTrustedList("Its signature does not cover the list.")


def _read(signed: bytes, at: datetime) -> SignedList:
    root = _parsed(signed)
    if (version := _text(root, "TSLVersionIdentifier")) not in VERSIONS:
        raise BadTrustedList(f"It has version {version[:10]} of the format; 5 and 6 are known.")
    if (kind := _text(root, "TSLType")) not in {MASTER_TYPE, NATIONAL_TYPE}:
        raise BadTrustedList("It is not a list of the European Union.")
    sequence = _text(root, "TSLSequenceNumber")
    if not (sequence.isascii() and sequence.isdecimal() and len(sequence) < 10):
        raise BadTrustedList("Its number cannot be read.")
    issued, next_update = _moment(root, "ListIssueDateTime"), _moment(root, f"NextUpdate/{_TSL}dateTime")
    if issued > at + _CLOCKS_DIFFER:
        raise BadTrustedList("It was issued in the future.")
    territory = _text(root, "SchemeTerritory").upper()
    if not (territory.isascii() and territory.isalpha() and len(territory) == 2):
        raise BadTrustedList("Its territory cannot be read.")
    return SignedList(signed, kind == MASTER_TYPE, territory, int(sequence), issued, next_update)


def _text(root: etree._Element, path: str) -> str:
    return (root.findtext(f"{_TSL}SchemeInformation/{_TSL}{path}") or "").strip()


def _moment(root: etree._Element, path: str) -> datetime:
    try:
        found = datetime.fromisoformat(_text(root, path))
    except ValueError as error:
        raise BadTrustedList("It does not say when it was issued, or when the next one comes.") from error
    if found.tzinfo is None:
        raise BadTrustedList("Its dates have no time zone.")
    return found


def _decoded(text: str | None) -> bytes:
    try:
        return base64.b64decode("".join((text or "").split()))
    except ValueError:
        return b""


def quieten() -> None:
    """The library writes subjects of certificates, which are persons, into its log."""
    logging.getLogger("pyhanko.sign.validation.qualified").setLevel(logging.CRITICAL)
