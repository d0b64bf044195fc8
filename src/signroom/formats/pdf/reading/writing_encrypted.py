"""Strings and streams for an encrypted file (ISO 32000-1, 7.6; ISO 32000-2, 7.6.3 for AES-256)."""

from __future__ import annotations

import hashlib
import os
import re

from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.padding import PKCS7

from signroom.domain.pdf_facts import PdfEncryption, StringCipher
from signroom.formats.pdf.reading.syntax import BadSyntax, Dictionary, integer, skip_space, value_end

_LONGEST_KEY = 16
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_WHITE = b"\x00\t\n\x0c\r "
_LITERAL = re.compile(rb"\\([0-7]{1,3}|\r\n|.)|\r\n?", re.DOTALL)
_STREAM = re.compile(rb"\s*stream\r?\n")
_TOKENS = re.compile(rb"[()<>\[\]]|/[^\x00\t\n\x0c\r ()<>\[\]{}/%]*|%[^\r\n]*|[^()<>\[\]/%]+", re.DOTALL)


class Encrypter:
    """Writes into one indirect object: its number and generation are part of the key."""

    def __init__(self, encryption: PdfEncryption | None, number: int, generation: int = 0) -> None:
        """With no `encryption` everything stays as it is."""
        self._encryption = encryption
        self._suffix = number.to_bytes(3, "little") + generation.to_bytes(2, "little")

    def string(self, value: bytes) -> bytes:
        """`value` as the hexadecimal string to be written (7.3.4.3)."""
        return b"<" + self._encrypted(value, streams=False).hex().encode() + b">"

    def stream(self, data: bytes) -> bytes:
        """The data of a stream as they are to be written."""
        return self._encrypted(data, streams=True)

    def value(self, raw: bytes) -> bytes:
        """A plain value, or a dictionary with a stream behind it, as it is to be written."""
        if self._encryption is None:
            return raw
        end = value_end(raw, 0)
        stream = _STREAM.match(raw, end)
        if stream is None:
            return self.strings_in(raw)
        length = integer(Dictionary(raw[:end]).get("Length")) or 0
        data = self.stream(raw[stream.end() : stream.end() + length])
        dictionary = Dictionary(raw[:end]).with_entry("Length", b"%d" % len(data))
        return self.strings_in(dictionary) + b"stream\n" + data + b"\nendstream"

    def strings_in(self, raw: bytes, source: Encrypter | None = None) -> bytes:
        """A value for a place in this object.

        It comes out of an object stream, where strings are plain (7.5.7), or out of the object of `source`.
        Raises: BadSyntax.
        """
        if self._encryption is None:
            return raw
        parts: list[bytes] = []
        at = 0
        while at < len(raw):
            start = skip_space(raw, at)
            parts.append(raw[at:start])
            token = raw[start : start + 2]
            if token in (b"<<", b">>"):
                end = start + 2
                parts.append(token)
            elif token[:1] in (b"(", b"<"):
                end = value_end(raw, start)
                text = decoded(raw[start:end])
                parts.append(self.string(text if source is None else source.decrypted(text)))
            else:
                found = _TOKENS.match(raw, start)
                if not found:
                    break
                end = found.end()
                parts.append(found[0])
            at = end
        return b"".join(parts)

    def decrypted(self, data: bytes) -> bytes:
        """The plain bytes of a string of this object. Raises: BadSyntax."""
        encryption = self._encryption
        if encryption is None or encryption.strings is StringCipher.NONE:
            return data
        if encryption.strings is StringCipher.RC4:
            return self._encrypted(data, streams=False)  # the way back is the same
        aes_128 = encryption.strings is StringCipher.AES_128
        key = self._object_key(encryption.key, b"sAlT") if aes_128 else encryption.key
        size = AES.block_size // 8
        try:
            decryptor = Cipher(AES(key), modes.CBC(data[:size])).decryptor()
            padded = decryptor.update(data[size:]) + decryptor.finalize()
            unpadder = PKCS7(AES.block_size).unpadder()
            return unpadder.update(padded) + unpadder.finalize()
        except ValueError as error:
            raise BadSyntax("an encrypted string that is none") from error

    def _encrypted(self, data: bytes, *, streams: bool) -> bytes:
        if self._encryption is None:
            return data
        cipher = self._encryption.streams if streams else self._encryption.strings
        key = self._encryption.key
        match cipher:
            case StringCipher.NONE:
                return data
            case StringCipher.RC4:
                encryptor = Cipher(ARC4(self._object_key(key, b"")), None).encryptor()
                return encryptor.update(data) + encryptor.finalize()
            case StringCipher.AES_128:
                return _aes(self._object_key(key, b"sAlT"), data)
            case StringCipher.AES_256:
                return _aes(key, data)

    def _object_key(self, key: bytes, salt: bytes) -> bytes:
        """7.6.2, algorithm 1."""
        digest = hashlib.md5(key + self._suffix + salt, usedforsecurity=False).digest()
        return digest[: min(len(key) + 5, _LONGEST_KEY)]


def _aes(key: bytes, data: bytes) -> bytes:
    start = os.urandom(AES.block_size // 8)
    padder = PKCS7(AES.block_size).padder()
    encryptor = Cipher(AES(key), modes.CBC(start)).encryptor()
    return start + encryptor.update(padder.update(data) + padder.finalize()) + encryptor.finalize()


def decoded(raw: bytes) -> bytes:
    """The bytes of a literal or hexadecimal string (7.3.4). Raises: BadSyntax."""
    if raw[:1] == b"<":
        digits = raw[1:-1].translate(None, _WHITE)
        try:
            return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode("ascii"))
        except ValueError as error:
            raise BadSyntax("a string that is none") from error
    return _LITERAL.sub(_unescaped, raw[1:-1])


def _unescaped(found: re.Match[bytes]) -> bytes:
    escaped = found[1]
    if escaped is None:
        return b"\n"  # a line end inside a literal string
    if escaped in (b"\n", b"\r", b"\r\n"):
        return b""
    if escaped[:1].isdigit() and escaped[:1] not in (b"8", b"9"):
        return bytes([int(escaped, 8) & 0xFF])
    return _ESCAPES.get(escaped, escaped)
