"""PKCS#12 files (RFC 7292) put together field by field, for what no tool at hand writes.

Odd files are what a reader meets in the field: BER with chunks, other conventions for the password, several keys,
certificates tied to the wrong key. Example::

    build(Recipe(Password.of("secret"), triple_des, pkcs12_mac("sha1")), (Key(pkcs8), Certificate(der)))
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from asn1crypto import core, keys
from asn1crypto import pkcs12 as asn1_pkcs12
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

SEQUENCE, SET, INTEGER, OCTET_STRING = 0x30, 0x31, 0x02, 0x04
HASH_OID = {"sha1": "1.3.14.3.2.26", "sha256": "2.16.840.1.101.3.4.2.1", "sha512": "2.16.840.1.101.3.4.2.3"}
HMAC_OID = {
    "sha1": "1.2.840.113549.2.7",
    "sha256": "1.2.840.113549.2.9",
    "sha384": "1.2.840.113549.2.10",
    "sha512": "1.2.840.113549.2.11",
}
DATA, ENCRYPTED_DATA = "1.2.840.113549.1.7.1", "1.2.840.113549.1.7.6"
BAG = "1.2.840.113549.1.12.10.1."


def tlv(tag: int, *parts: bytes) -> bytes:
    """One element in DER."""
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes((tag, len(body))) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + body


def indefinite(tag: int, *parts: bytes) -> bytes:
    """One constructed element in BER with indefinite length (X.690, 8.1.3.6)."""
    return bytes((tag | 0x20, 0x80)) + b"".join(parts) + b"\0\0"


def der_octets(tag: int, data: bytes) -> bytes:
    """Octets in one piece."""
    return tlv(tag, data)


def chunked_octets(tag: int, data: bytes) -> bytes:
    """Octets in pieces of 100 bytes (X.690, 8.7.3)."""
    return indefinite(tag, *(tlv(OCTET_STRING, data[at : at + 100]) for at in range(0, len(data), 100)))


@dataclass(frozen=True, slots=True)
class Syntax:
    """How constructed elements and octet strings are written."""

    element: Callable[..., bytes]
    octets: Callable[[int, bytes], bytes]


DER = Syntax(tlv, der_octets)
BER = Syntax(indefinite, chunked_octets)


def oid(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER."""
    return bytes(core.ObjectIdentifier(dotted).dump())


def integer(value: int) -> bytes:
    """An INTEGER."""
    return bytes(core.Integer(value).dump())


@dataclass(frozen=True, slots=True)
class Password:
    """A password as the derivations take it: PKCS#12's own, and PBKDF2."""

    bmp: bytes
    utf8: bytes

    @classmethod
    def of(cls, text: str) -> Password:
        """As RFC 7292, B.1 and RFC 8018 have it."""
        return cls(f"{text}\0".encode("utf-16-be"), text.encode())


def derive_pkcs12(name: str, password: bytes, salt: bytes, iterations: int, purpose: int, length: int) -> bytes:
    """PKCS#12's key derivation (RFC 7292, B.2), in big integers, unlike the reader under test."""
    block = hashlib.new(name).block_size
    size = (1 << block * 8) - 1

    def filled(data: bytes) -> bytes:
        return (data * (block // max(len(data), 1) + 1) * -(-len(data) // block))[: -(-len(data) // block) * block]

    state, derived = filled(salt) + filled(password), b""
    while len(derived) < length:
        digest = hashlib.new(name, bytes((purpose,)) * block + state).digest()
        for _ in range(iterations - 1):
            digest = hashlib.new(name, digest).digest()
        derived += digest
        step = int.from_bytes((digest * (block // len(digest) + 1))[:block], "big") + 1
        blocks = (state[at : at + block] for at in range(0, len(state), block))
        state = b"".join(((int.from_bytes(each, "big") + step) & size).to_bytes(block, "big") for each in blocks)
    return derived[:length]


def _cbc(cipher: algorithms.AES | TripleDES, iv: bytes, data: bytes) -> bytes:
    padder = padding.PKCS7(len(iv) * 8).padder()
    encryptor = Cipher(cipher, modes.CBC(iv)).encryptor()
    return encryptor.update(padder.update(data) + padder.finalize()) + encryptor.finalize()


Encrypt = Callable[[bytes, Password], tuple[bytes, bytes]]
"""Plaintext and password to (AlgorithmIdentifier, ciphertext)."""


def triple_des(data: bytes, password: Password) -> tuple[bytes, bytes]:
    """pbeWithSHAAnd3-KeyTripleDES-CBC."""
    salt, iterations = os.urandom(8), 2048
    key, iv = (derive_pkcs12("sha1", password.bmp, salt, iterations, n, size) for n, size in ((1, 24), (2, 8)))
    parameters = tlv(SEQUENCE, tlv(OCTET_STRING, salt), integer(iterations))
    return tlv(SEQUENCE, oid("1.2.840.113549.1.12.1.3"), parameters), _cbc(TripleDES(key), iv, data)


def pbkdf2(salt: bytes, iterations: int, prf: str, key_length: int | None = None) -> bytes:
    """PBKDF2's AlgorithmIdentifier; hmacWithSHA1 is the default and left out (RFC 8018, A.2)."""
    fields = [tlv(OCTET_STRING, salt), integer(iterations)]
    if key_length is not None:
        fields.append(integer(key_length))
    if prf != "sha1":
        fields.append(tlv(SEQUENCE, oid(HMAC_OID[prf]), b"\5\0"))
    return tlv(SEQUENCE, oid("1.2.840.113549.1.5.12"), tlv(SEQUENCE, *fields))


def pbes2(prf: str, key_length: int | None = None) -> Encrypt:
    """PBES2 with AES-256 and this PRF."""

    def encrypt(data: bytes, password: Password) -> tuple[bytes, bytes]:
        salt, iv = os.urandom(16), os.urandom(16)
        key = hashlib.pbkdf2_hmac(prf, password.utf8, salt, 2048, 32)
        cipher = tlv(SEQUENCE, oid("2.16.840.1.101.3.4.1.42"), tlv(OCTET_STRING, iv))
        scheme = tlv(SEQUENCE, pbkdf2(salt, 2048, prf, key_length), cipher)
        return tlv(SEQUENCE, oid("1.2.840.113549.1.5.13"), scheme), _cbc(algorithms.AES(key), iv, data)

    return encrypt


def scrypt(data: bytes, password: Password) -> tuple[bytes, bytes]:
    """PBES2 with scrypt (RFC 7914, 7)."""
    salt, iv = os.urandom(16), os.urandom(16)
    key = hashlib.scrypt(password.utf8, salt=salt, n=1024, r=8, p=1, dklen=32)
    derivation = tlv(SEQUENCE, tlv(OCTET_STRING, salt), integer(1024), integer(8), integer(1))
    cipher = tlv(SEQUENCE, oid("2.16.840.1.101.3.4.1.42"), tlv(OCTET_STRING, iv))
    scheme = tlv(SEQUENCE, tlv(SEQUENCE, oid("1.3.6.1.4.1.11591.4.11"), derivation), cipher)
    return tlv(SEQUENCE, oid("1.2.840.113549.1.5.13"), scheme), _cbc(algorithms.AES(key), iv, data)


Mac = Callable[[bytes, Password], bytes]
"""AuthenticatedSafe and password to MacData."""


def pkcs12_mac(name: str, iterations: int = 2048) -> Mac:
    """The MAC of RFC 7292, 4; DEFAULT 1 is left out."""

    def mac(content: bytes, password: Password) -> bytes:
        salt = os.urandom(8)
        key = derive_pkcs12(name, password.bmp, salt, iterations, 3, hashlib.new(name).digest_size)
        digest = tlv(OCTET_STRING, hmac.digest(key, content, name))
        info = tlv(SEQUENCE, tlv(SEQUENCE, oid(HASH_OID[name]), b"\5\0"), digest)
        return tlv(SEQUENCE, info, tlv(OCTET_STRING, salt), *([integer(iterations)] if iterations > 1 else []))

    return mac


def pbmac1(prf: str, name: str) -> Mac:
    """PBMAC1 (RFC 9579)."""

    def mac(content: bytes, password: Password) -> bytes:
        salt, length = os.urandom(8), hashlib.new(name).digest_size
        key = hashlib.pbkdf2_hmac(prf, password.utf8, salt, 2048, length)
        scheme = tlv(SEQUENCE, pbkdf2(salt, 2048, prf, length), tlv(SEQUENCE, oid(HMAC_OID[name]), b"\5\0"))
        algorithm = tlv(SEQUENCE, oid("1.2.840.113549.1.5.14"), scheme)
        info = tlv(SEQUENCE, algorithm, tlv(OCTET_STRING, hmac.digest(key, content, name)))
        return tlv(SEQUENCE, info, tlv(OCTET_STRING, b"NOT USED"), integer(1))

    return mac


@dataclass(frozen=True, slots=True)
class Key:
    """A private key to be put in, PKCS#8."""

    pkcs8: bytes
    local_key_id: bytes | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate to be put in, DER."""

    der: bytes
    local_key_id: bytes | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a file is made.

    `clear_keys`: the keys lie unshrouded among the encrypted certificates. `nested`: they lie in a SafeContents bag.
    `contents_password`: encryption has a password of its own.
    """

    password: Password
    encrypt: Encrypt = field(default=triple_des)
    mac: Mac | None = None
    syntax: Syntax = DER
    clear_keys: bool = False
    nested: bool = False
    contents_password: Password | None = None


def build(recipe: Recipe, bags: tuple[Key | Certificate, ...]) -> bytes:
    """The file. Keys lie in one SafeContents, certificates in another that is encrypted, each in the order given."""
    syntax = recipe.syntax
    keys = [_key_bag(recipe, bag) for bag in bags if isinstance(bag, Key)]
    certificates = [_certificate_bag(syntax, bag) for bag in bags if isinstance(bag, Certificate)]
    if recipe.nested:
        keys = [_bag(syntax, "6", syntax.element(SEQUENCE, *keys), None)]
    encrypted = certificates + keys if recipe.clear_keys else certificates
    safes = [_encrypted_data(recipe, syntax.element(SEQUENCE, *encrypted))]
    if not recipe.clear_keys:
        plain = syntax.octets(OCTET_STRING, syntax.element(SEQUENCE, *keys))
        safes.append(syntax.element(SEQUENCE, oid(DATA), syntax.element(0xA0, plain)))
    content = syntax.element(SEQUENCE, *safes)
    auth_safe = syntax.element(SEQUENCE, oid(DATA), syntax.element(0xA0, syntax.octets(OCTET_STRING, content)))
    mac = [recipe.mac(content, recipe.password)] if recipe.mac else []
    return syntax.element(SEQUENCE, integer(3), auth_safe, *mac)


def _key_bag(recipe: Recipe, key: Key) -> bytes:
    if recipe.clear_keys:
        return _bag(recipe.syntax, "1", key.pkcs8, key.local_key_id)
    algorithm, ciphertext = recipe.encrypt(key.pkcs8, recipe.contents_password or recipe.password)
    info = recipe.syntax.element(SEQUENCE, algorithm, recipe.syntax.octets(OCTET_STRING, ciphertext))
    return _bag(recipe.syntax, "2", info, key.local_key_id)


def _certificate_bag(syntax: Syntax, certificate: Certificate) -> bytes:
    wrapped = syntax.element(0xA0, syntax.octets(OCTET_STRING, certificate.der))
    value = syntax.element(SEQUENCE, oid("1.2.840.113549.1.9.22.1"), wrapped)
    return _bag(syntax, "3", value, certificate.local_key_id)


def _bag(syntax: Syntax, kind: str, value: bytes, local_key_id: bytes | None) -> bytes:
    attributes = []
    if local_key_id is not None:
        values = tlv(SET, tlv(OCTET_STRING, local_key_id))
        attributes.append(tlv(SET, tlv(SEQUENCE, oid("1.2.840.113549.1.9.21"), values)))
    return syntax.element(SEQUENCE, oid(BAG + kind), syntax.element(0xA0, value), *attributes)


def _encrypted_data(recipe: Recipe, plaintext: bytes) -> bytes:
    syntax = recipe.syntax
    algorithm, ciphertext = recipe.encrypt(plaintext, recipe.contents_password or recipe.password)
    info = syntax.element(SEQUENCE, oid(DATA), algorithm, syntax.octets(0x80, ciphertext))
    encrypted = syntax.element(SEQUENCE, integer(0), info)
    return syntax.element(SEQUENCE, oid(ENCRYPTED_DATA), syntax.element(0xA0, encrypted))


def without_public_key(pkcs8: bytes) -> bytes:
    """An EC key in PKCS#8 whose ECPrivateKey (RFC 5915) has neither public key nor parameters."""
    info = keys.PrivateKeyInfo.load(pkcs8)
    private = info["private_key"].parsed
    scalar = private["private_key"].native.to_bytes((info.bit_size + 7) // 8, "big")
    bare = tlv(SEQUENCE, integer(1), tlv(OCTET_STRING, scalar))
    return tlv(SEQUENCE, integer(0), info["private_key_algorithm"].dump(), tlv(OCTET_STRING, bare))


def indefinite_private_key(pkcs8: bytes) -> bytes:
    """The same PrivateKeyInfo with an indefinite length around it."""
    info = keys.PrivateKeyInfo.load(pkcs8)
    return indefinite(SEQUENCE, *(info[name].dump() for name in ("version", "private_key_algorithm", "private_key")))


def promise_iterations(pfx: bytes, iterations: int) -> bytes:
    """The file with another number of iterations in its MacData: the MAC itself is not made again."""
    parsed = asn1_pkcs12.Pfx.load(pfx)
    parsed["mac_data"]["iterations"] = iterations
    return bytes(parsed.dump(force=True))


def public_key_mode() -> bytes:
    """A file whose integrity is a signature (RFC 7292, 4: signedData); the signature itself is left empty."""
    signed = tlv(SEQUENCE, integer(1), tlv(SET), tlv(SEQUENCE, oid(DATA)), tlv(SET))
    return tlv(SEQUENCE, integer(3), tlv(SEQUENCE, oid("1.2.840.113549.1.7.2"), tlv(0xA0, signed)))
