"""What a CMS object (RFC 5652) says of a signer, in the words of the contract; nothing is checked here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from signroom.domain.examination import SignaturePolicy
from signroom.domain.signature import DigestValue

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
_POLICY, _POLICY_OID = "signature_policy_identifier", "1.2.840.113549.1.9.16.2.15"
_KEYS = {"rsassa_pkcs1v15": "RSA", "ecdsa": "ECDSA"}


def signer_certificate(data: SignedData, signer: SignerInfo) -> Any | None:
    """The certificate that the signer's identifier names; None when it is not there."""
    return next((c for c in certificates_of(data) if is_signer(signer, c)), None)


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


def is_signer(signer: SignerInfo, certificate: Any) -> bool:
    sid = signer["sid"]
    if sid.name == "issuer_and_serial_number":
        wanted = sid.chosen
        # The number first: comparing names takes time, and there may be thousands of certificates.
        same: bool = certificate.serial_number == wanted["serial_number"].native and (
            certificate.issuer.dump() == wanted["issuer"].dump() or certificate.issuer == wanted["issuer"]
        )
        return same
    return bool(certificate.key_identifier == sid.chosen.native)


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
