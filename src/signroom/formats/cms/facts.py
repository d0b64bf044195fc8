"""What a CMS object (RFC 5652) says of a signer, in the words of the contract; nothing is checked here."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from signroom.domain.examination import SignaturePolicy
from signroom.domain.signature import DigestValue
from signroom.formats.malformed import MALFORMED

if TYPE_CHECKING:
    from asn1crypto.cms import SignedData, SignerInfo

DIGESTS = {
    "md5": "MD5",
    "sha1": "SHA1",
    "sha256": "SHA256",
    "sha384": "SHA384",
    "sha512": "SHA512",
    "sha3_256": "SHA3_256",
}
"""asn1crypto's names and the contract's ``DigestAlgorithms``."""
_FEW = 50
_FEW_NAMES = 10
"""Certificates with one number that are compared by their issuers' names."""
_LONGEST_NAME = 4 << 10
"""Octets of a name that is compared letter by letter."""
_POLICY, _POLICY_OID = "signature_policy_identifier", "1.2.840.113549.1.9.16.2.15"
_KEYS = {"rsassa_pkcs1v15": "RSA", "ecdsa": "ECDSA"}


class SignerCertificates:
    """The certificates of an object, found by what signers say of them: there may be thousands, and many signers."""

    def __init__(self, data: SignedData) -> None:
        self._all = certificates_of(data)
        self._by_number: dict[int, list[Any]] = {}
        self._by_key: dict[bytes, Any] | None = None
        self._compared: dict[tuple[bytes, int], Any | None] = {}
        for certificate in self._all:
            self._by_number.setdefault(certificate.serial_number, []).append(certificate)

    def of(self, signer: SignerInfo) -> Any | None:
        """The certificate that the signer's identifier names; None when it is not there."""
        sid = signer["sid"]
        if sid.name != "issuer_and_serial_number":
            return self._with_key(sid.chosen.native)
        issuer, number = sid.chosen["issuer"], sid.chosen["serial_number"].native
        place = issuer.dump(), number
        if place not in self._compared:
            self._compared[place] = self._named(issuer, place[0], number)
        return self._compared[place]

    def _named(self, issuer: Any, der: bytes, number: int) -> Any | None:
        same_number = self._by_number.get(number, [])
        for certificate in same_number:
            if certificate.issuer.dump() == der:
                return certificate
        # Names that are written in another way. Comparing them takes time.
        few = (c for c in same_number[:_FEW_NAMES] if max(len(c.issuer.dump()), len(der)) <= _LONGEST_NAME)
        return next((c for c in few if c.issuer == issuer), None)

    def _with_key(self, identifier: bytes) -> Any | None:
        if self._by_key is None:
            self._by_key = {}
            for certificate in self._all:
                with suppress(*MALFORMED):  # one that cannot be read must not hide the others
                    self._by_key.setdefault(certificate.key_identifier, certificate)
        return self._by_key.get(identifier)


def attributes_of(signer: SignerInfo) -> dict[str, Any]:
    """Signed attributes by name, those with one value only: each that matters here has one (RFC 5652, 11)."""
    from asn1crypto import tsp  # teaches cms the attributes that name certificates

    _ = tsp
    attributes = signer["signed_attrs"]
    if not attributes:
        return {}
    return {_name(a["type"]): a["values"][0] for a in attributes if len(a["values"]) == 1}


def _name(kind: Any) -> str:
    return _POLICY if kind.dotted == _POLICY_OID else str(kind.native)


def certificates_of(data: SignedData) -> list[Any]:
    return [choice.chosen for choice in data["certificates"] or () if choice.name == "certificate"]


def issuers_of(certificate: bytes, certificates: Sequence[Any]) -> tuple[bytes, ...]:
    """What came along, without the signer's own; of many only those that may be above it, by their names.

    An object with many signers has many chains, and whoever judges one takes only so many certificates.
    """
    if len(certificates) <= _FEW:
        return tuple(der for c in certificates if (der := c.dump()) != certificate)
    by_subject: dict[bytes, list[Any]] = {}
    for one in certificates:
        by_subject.setdefault(one["tbs_certificate"]["subject"].dump(), []).append(one)
    found: dict[bytes, None] = {}
    wanted = [c for c in certificates if c.dump() == certificate][:1]
    while wanted and len(found) < _FEW:
        above = by_subject.pop(wanted.pop(0)["tbs_certificate"]["issuer"].dump(), [])
        wanted += above
        found.update((c.dump(), None) for c in above)
    return tuple(der for der in found if der != certificate)[:_FEW]


def message_digest_of(signer: SignerInfo, attributes: dict[str, Any]) -> DigestValue | None:
    algorithm = DIGESTS.get(signer["digest_algorithm"]["algorithm"].native)
    if algorithm is None or "message_digest" not in attributes:
        return None
    return DigestValue(algorithm, attributes["message_digest"].native)


def signature_algorithm_of(signer: SignerInfo) -> str | None:
    """None for kinds that the contract has no word for (RSASSA-PSS, EdDSA)."""
    algorithm = signer["signature_algorithm"]
    try:
        key = _KEYS.get(algorithm.signature_algo)
    except ValueError:  # of a family that asn1crypto does not know (GOST ...)
        return None
    try:
        digest = algorithm.hash_algo
    except ValueError:  # rsaEncryption says nothing of the digest (RFC 3370, 3.2)
        digest = signer["digest_algorithm"]["algorithm"].native
    name = DIGESTS.get(digest)
    return None if key is None or name is None else f"{name}With{key}"


def policy_of(attributes: dict[str, Any]) -> SignaturePolicy | None:
    from signroom.formats.cms.policy import SignaturePolicyIdentifier, uri_of

    if _POLICY not in attributes:
        return None
    identifier = SignaturePolicyIdentifier.load(attributes[_POLICY].dump())
    if identifier.name != "named":
        return None
    policy = identifier.chosen
    digest = policy["digest"]  # EN 319 122-1, 5.2.9.1 lets it be left out
    name = DIGESTS.get(digest["digest_algorithm"]["algorithm"].native) if digest else None
    return SignaturePolicy(
        oid=policy["oid"].dotted,
        uri=uri_of(policy),
        digest=None if name is None else DigestValue(name, digest["digest"].native),
    )
