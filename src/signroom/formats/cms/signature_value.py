"""Signature values of strangers: every family that can be computed here, also those that we would not make.

A value is wrong only if it was computed and did not fit. What cannot be computed raises `NotComputable`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key

from signroom.formats.cms.certificates import members
from signroom.formats.cms.hashing import WEAK, digest_name, digest_of, is_known
from signroom.formats.cms.reading import header
from signroom.formats.malformed import MALFORMED

if TYPE_CHECKING:
    from asn1crypto.keys import PublicKeyInfo

_SHORTEST = 2048
"""Bits of an RSA or DSA modulus that is not weak today."""
_SHORTEST_CURVE = 224
_LONGEST_MODULUS, _LONGEST_EXPONENT = 16_384, 64
"""Bits that OpenSSL takes. Beyond them it calls every value wrong, but for short moduli."""
_LONGEST_DSA = 4096
"""Bits of a DSA modulus; FIPS 186-4, 4.2, ends at 3072. A hostile one takes 50 ms for each value."""

_PSS = "1.2.840.113549.1.1.10"
_PKCS1 = frozenset(
    {
        *(f"1.2.840.113549.1.1.{n}" for n in (1, 2, 4, 5, 11, 12, 13, 14, 15, 16)),
        *(f"2.16.840.1.101.3.4.3.{n}" for n in (13, 14, 15, 16)),  # SHA-3
        "1.3.36.3.3.1.2",  # RIPEMD-160
        "1.3.14.3.2.3",
        "1.3.14.3.2.29",
        "1.3.14.7.2.3.1",
    }
)
"""RSASSA-PKCS1-v1_5 with whatever digest: the value itself says which (RFC 8017, 9.2)."""
_SHA2 = ("sha224", "sha256", "sha384", "sha512")
_SHA3 = ("sha3_224", "sha3_256", "sha3_384", "sha3_512")
_ANY = ""
"""The identifier does not say which digest."""
_ECDSA = {
    "1.2.840.10045.4.1": "sha1",
    **{f"1.2.840.10045.4.3.{n}": name for n, name in enumerate(_SHA2, 1)},
    **{f"2.16.840.1.101.3.4.3.{n}": name for n, name in enumerate(_SHA3, 9)},
    "1.3.6.1.5.5.7.6.32": "shake128",
    "1.3.6.1.5.5.7.6.33": "shake256",
    "1.2.840.10045.2.1": _ANY,
    "1.2.840.10045.4": _ANY,
    # Plain ECDSA of BSI TR-03111, 5.2.1.1: r and s beside each other.
    **{f"0.4.0.127.0.7.1.1.4.1.{n}": name for n, name in enumerate(("sha1", *_SHA2, "ripemd160"), 1)},
    **{f"0.4.0.127.0.7.1.1.4.1.{n}": name for n, name in enumerate(_SHA3, 8)},
}
_DSA = {
    "1.2.840.10040.4.1": _ANY,
    "1.2.840.10040.4.3": "sha1",
    "1.3.14.3.2.13": "sha1",
    "1.3.14.3.2.27": "sha1",
    **{f"2.16.840.1.101.3.4.3.{n}": name for n, name in enumerate(_SHA2, 1)},
    **{f"2.16.840.1.101.3.4.3.{n}": name for n, name in enumerate(_SHA3, 5)},
}
_WITHOUT_DIGEST = {
    "1.3.101.112": ed25519.Ed25519PublicKey,
    "1.3.101.113": ed448.Ed448PublicKey,
    "2.16.840.1.101.3.4.3.17": mldsa.MLDSA44PublicKey,
    "2.16.840.1.101.3.4.3.18": mldsa.MLDSA65PublicKey,
    "2.16.840.1.101.3.4.3.19": mldsa.MLDSA87PublicKey,
}
"""Families that take the message as it is."""
_OF_LENGTH: dict[int, hashes.HashAlgorithm] = {
    16: hashes.MD5(),  # noqa: S303
    20: hashes.SHA1(),  # noqa: S303
    28: hashes.SHA224(),
    32: hashes.SHA256(),
    48: hashes.SHA384(),
    64: hashes.SHA512(),
}
"""ECDSA and DSA look at the length of a digest only, so one function of each length stands for all."""
_FOR_PSS: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),  # noqa: S303
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
    "sha512_224": hashes.SHA512_224(),
    "sha512_256": hashes.SHA512_256(),
    "sha3_224": hashes.SHA3_224(),
    "sha3_256": hashes.SHA3_256(),
    "sha3_384": hashes.SHA3_384(),
    "sha3_512": hashes.SHA3_512(),
}
_RSA_KEY = bytes.fromhex("300d06092a864886f70d0101010500")
"""AlgorithmIdentifier rsaEncryption."""


class NotComputable(Exception):
    """Whether the value is right cannot be said: the algorithm or the key is of a kind that is not known here."""


class Message(Protocol):
    """What was signed."""

    @property
    def octets(self) -> bytes | None:
        """None where only digests are known."""

    def digest(self, name: str) -> bytes | None:
        """By the algorithm of this name; None when it cannot be known."""


@dataclass(frozen=True, slots=True)
class Octets:
    """A message that is here."""

    octets: bytes

    def digest(self, name: str) -> bytes | None:
        return digest_of(self.octets, name)


@dataclass(frozen=True, slots=True)
class FittingValue:
    """A value that fits its key and its message."""

    is_weak: bool
    """The digest or the key could be forged today (EN 319 102-1, 5.2.8)."""


def check_value(
    value: bytes, key: PublicKeyInfo, algorithm: Any, digest: str | None, messages: Iterable[Message]
) -> FittingValue | None:
    """Whether the owner of `key` made `value` of one of `messages`; None when they did not.

    Args:
        value: as it is in the CMS object.
        key: of the certificate, as asn1crypto reads it.
        algorithm: SignatureAlgorithmIdentifier, as asn1crypto reads it.
        digest: the signer's digest algorithm, for identifiers that name none.
        messages: the same message in the encodings that signers have used for it.

    Raises: NotComputable.
    """
    try:
        loaded: Any = load_der_public_key(_without_pss(key))
    except (*MALFORMED, UnsupportedAlgorithm) as error:
        raise NotComputable("key") from error
    try:
        return next(
            (fitting for one in messages if (fitting := _check(value, loaded, algorithm, digest, one)) is not None),
            None,
        )
    except (*MALFORMED, UnsupportedAlgorithm) as error:
        raise NotComputable("signature") from error


def _without_pss(key: PublicKeyInfo) -> bytes:
    """A key that is for RSASSA-PSS only, as a plain RSA key: parameters there are often unusual."""
    der: bytes = key.dump()
    if key["algorithm"]["algorithm"].dotted != _PSS:
        return der
    bits = members(der)[1]
    return header(0x30, len(_RSA_KEY) + len(bits)) + _RSA_KEY + bits


def _check(value: bytes, key: Any, algorithm: Any, digest: str | None, message: Message) -> FittingValue | None:
    """Raises: NotComputable, UnsupportedAlgorithm, one of MALFORMED."""
    name = algorithm["algorithm"].dotted
    match key:
        case rsa.RSAPublicKey() if name == _PSS:
            return _check_pss(value, key, algorithm, message)
        case rsa.RSAPublicKey() if name in _PKCS1:
            return _check_pkcs1(value, key, message)
        case ec.EllipticCurvePublicKey() if name in _ECDSA:
            return _check_pair(value, key, _ECDSA[name], digest, message)
        case dsa.DSAPublicKey() if name in _DSA:
            return _check_pair(value, key, _DSA[name], digest, message)
        case _ if name in _WITHOUT_DIGEST and isinstance(key, _WITHOUT_DIGEST[name]):
            return _check_message(value, key, message)
        case _:
            raise NotComputable("signature")


def _check_pkcs1(value: bytes, key: rsa.RSAPublicKey, message: Message) -> FittingValue | None:
    """RFC 8017, 8.2.2: the digest is the one that the value names, whatever the signer's other fields say."""
    _require_rsa_in_limits(key)
    try:
        info = key.recover_data_from_signature(value, padding.PKCS1v15(), None)
    except InvalidSignature:
        return None
    for name, encoded in _encodings(info, message):
        if encoded == info:
            return FittingValue(name in WEAK or key.key_size < _SHORTEST)
    return None


def _encodings(info: bytes, message: Message) -> Iterator[tuple[str, bytes]]:
    """DigestInfo of the message with the algorithm that `info` names, with and without NULL (RFC 8017, A.2.4).

    Raises: NotComputable when that digest is not known.
    """
    from asn1crypto.algos import DigestAlgorithm

    try:
        identifier = members(info)[0]
        algorithm = members(identifier)[0]
        name = digest_name(DigestAlgorithm.load(identifier))
    except MALFORMED:
        return  # no DigestInfo
    if name is None:
        raise NotComputable("digest")
    octets = _digest(message, name)
    for parameters in (b"\x05\x00", b""):
        inner = header(0x30, len(algorithm) + len(parameters)) + algorithm + parameters
        inner += header(0x04, len(octets)) + octets
        yield name, header(0x30, len(inner)) + inner


def _check_pss(value: bytes, key: rsa.RSAPublicKey, algorithm: Any, message: Message) -> FittingValue | None:
    """RFC 8017, 8.1.2; RFC 4056."""
    _require_rsa_in_limits(key)
    parameters = algorithm["parameters"]
    mask = parameters["mask_gen_algorithm"]
    name = digest_name(parameters["hash_algorithm"])
    masked = digest_name(mask["parameters"])
    odd = mask["algorithm"].native != "mgf1" or parameters["trailer_field"].native != "trailer_field_bc"
    if odd or name not in _FOR_PSS or masked not in _FOR_PSS:
        raise NotComputable("signature")
    scheme = padding.PSS(padding.MGF1(_FOR_PSS[masked]), parameters["salt_length"].native)
    try:
        key.verify(value, _digest(message, name), scheme, Prehashed(_FOR_PSS[name]))
    except InvalidSignature:
        return None
    return FittingValue(name in WEAK or key.key_size < _SHORTEST)


def _check_pair(
    value: bytes, key: ec.EllipticCurvePublicKey | dsa.DSAPublicKey, named: str, digest: str | None, message: Message
) -> FittingValue | None:
    """ECDSA and DSA. Where the identifier and the signer's digest are not the same, each is tried."""
    names = [name for name in dict.fromkeys((named or digest, digest)) if name and is_known(name)]
    if not names:
        raise NotComputable("digest")
    for name in names:
        octets = _digest(message, name)
        try:
            _verify_pair(value, key, octets)
        except InvalidSignature:
            continue
        return FittingValue(name in WEAK or _is_short(key))
    return None


def _verify_pair(value: bytes, key: ec.EllipticCurvePublicKey | dsa.DSAPublicKey, octets: bytes) -> None:
    """Raises: InvalidSignature."""
    prehashed = Prehashed(_OF_LENGTH[len(octets)])
    if isinstance(key, dsa.DSAPublicKey):
        if key.key_size > _LONGEST_DSA:
            raise NotComputable("key")
        key.verify(value, octets, prehashed)
        return
    width = (key.curve.key_size + 7) // 8
    if len(value) == 2 * width and not _is_sequence(value):
        value = encode_dss_signature(int.from_bytes(value[:width], "big"), int.from_bytes(value[width:], "big"))
    key.verify(value, octets, ec.ECDSA(prehashed))


def _is_sequence(value: bytes) -> bool:
    try:
        return value[0] == 0x30 and len(members(value)) == 2
    except MALFORMED:
        return False


def _is_short(key: ec.EllipticCurvePublicKey | dsa.DSAPublicKey) -> bool:
    if isinstance(key, dsa.DSAPublicKey):
        return key.key_size < _SHORTEST
    return key.curve.key_size < _SHORTEST_CURVE


def _check_message(value: bytes, key: Any, message: Message) -> FittingValue | None:
    """EdDSA (RFC 8419) and ML-DSA (RFC 9882)."""
    if message.octets is None:
        raise NotComputable("signature")
    try:
        key.verify(value, message.octets)
    except InvalidSignature:
        return None
    return FittingValue(is_weak=False)


def _digest(message: Message, name: str) -> bytes:
    """Raises: NotComputable."""
    octets = message.digest(name)
    if octets is None:
        raise NotComputable("digest")
    return octets


def _require_rsa_in_limits(key: rsa.RSAPublicKey) -> None:
    """Raises: NotComputable."""
    # OpenSSL takes any exponent with a modulus of up to 3072 bits: a value then costs as much as signing 250 times.
    if key.key_size > _LONGEST_MODULUS or key.public_numbers().e.bit_length() > _LONGEST_EXPONENT:
        raise NotComputable("key")
