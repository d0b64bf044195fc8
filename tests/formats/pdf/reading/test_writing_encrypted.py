"""Strings and streams for encrypted files, read back by qpdf."""

from __future__ import annotations

import io

import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signroom.domain.pdf_facts import PdfEncryption, StringCipher
from signroom.formats.pdf.reading.syntax import BadSyntax, Dictionary
from signroom.formats.pdf.reading.writing_encrypted import Encrypter, decoded
from tests.formats.pdf.reading.test_syntax import VALUES
from tests.vectors.pdf.builder import document, written

KEYS = {StringCipher.NONE: 16, StringCipher.RC4: 5, StringCipher.AES_128: 16, StringCipher.AES_256: 32}
CIPHERS = list(KEYS)
NAME = b"G\xfcnther (\\)\r\n\0 name"


def encryption(cipher: StringCipher) -> PdfEncryption:
    return PdfEncryption(bytes(range(KEYS[cipher])), cipher, cipher)


@pytest.mark.parametrize("cipher", CIPHERS)
@given(data=st.binary(max_size=100), number=st.integers(1, 2**23), generation=st.integers(0, 65_535))
def test_what_is_encrypted_is_decrypted(cipher: StringCipher, data: bytes, number: int, generation: int) -> None:
    encrypter = Encrypter(encryption(cipher), number, generation)
    assert encrypter.decrypted(decoded(encrypter.string(data))) == data


@pytest.mark.parametrize("cipher", CIPHERS)
@given(raw=VALUES)
def test_strings_are_moved_and_nothing_else(cipher: StringCipher, raw: bytes) -> None:
    """Out of an object stream into object 7, from there into object 8, and back to plain."""
    seven, eight = Encrypter(encryption(cipher), 7), Encrypter(encryption(cipher), 8, 1)
    plain = Encrypter(PdfEncryption(b"", StringCipher.NONE, StringCipher.NONE), 1)
    there = eight.strings_in(seven.strings_in(raw), seven)
    assert plain.strings_in(there, eight) == plain.strings_in(raw)


def test_without_encryption_all_stays() -> None:
    raw = b"<</A(x)/B<41>>>"
    assert Encrypter(None, 5).strings_in(raw) is raw
    assert Encrypter(None, 5).value(raw) is raw
    assert Encrypter(None, 5).stream(raw) is raw


@pytest.mark.parametrize(
    ("options", "cipher"),
    [
        ({"R": 2, "aes": False, "metadata": False}, StringCipher.RC4),
        ({"R": 3, "aes": False, "metadata": False}, StringCipher.RC4),
        ({"R": 4, "aes": False, "metadata": False}, StringCipher.RC4),
        ({"R": 4, "aes": True}, StringCipher.AES_128),
        ({"R": 4, "aes": True, "metadata": False}, StringCipher.AES_128),
        ({"R": 6, "aes": True}, StringCipher.AES_256),
    ],
)
def test_qpdf_reads_what_is_written(options: dict[str, object], cipher: StringCipher) -> None:
    """An object of an encrypted file is written over by one of ours, of the same length."""
    slot = b"<</Name (%b)/More(%b)>>" % (b"x" * 200, b"y" * 1000)
    with pikepdf.open(io.BytesIO(written(document(1, more={9: slot}, catalog=b"/Slot 9 0 R")))) as pdf:
        out = io.BytesIO()
        pdf.save(out, encryption=pikepdf.Encryption(owner="o", user="", **options))  # type: ignore[arg-type]
    file = out.getvalue()
    with pikepdf.open(io.BytesIO(file)) as pdf:
        number = pdf.Root.Slot.objgen[0]
        key, at = bytes(pdf.encryption.encryption_key), pdf.get_xref_table()[number, 0].offset or 0
    start = file.index(b"obj", at) + 3
    end = file.index(b"endobj", start)
    encrypter = Encrypter(PdfEncryption(key, cipher, cipher), number)
    body = b"<</Name %b/In[%b]>>" % (encrypter.string(NAME), encrypter.strings_in(b"(\\(a\\)\\101)<4142>"))
    assert len(body) < end - start
    changed = file[:start] + body.ljust(end - start) + file[end:]
    with pikepdf.open(io.BytesIO(changed)) as pdf:
        found = pdf.get_object(number, 0)
        assert bytes(found.Name) == NAME
        assert [bytes(text) for text in found.In] == [b"(a)A", b"AB"]


@pytest.mark.parametrize("cipher", CIPHERS)
def test_a_stream_with_its_dictionary(cipher: StringCipher) -> None:
    encrypter = Encrypter(encryption(cipher), 7)
    raw = b"<</A(text)/Length 5>>stream\nabcde\nendstream"
    found = encrypter.value(raw)
    dictionary = Dictionary.at(found, 0)
    data = found[len(dictionary.raw) + len(b"stream\n") : -len(b"\nendstream")]
    assert dictionary.get("Length") == b"%d" % len(data)
    assert encrypter.decrypted(data) == b"abcde"
    assert encrypter.decrypted(decoded(dictionary.get("A") or b"")) == b"text"


@pytest.mark.parametrize(
    ("raw", "right"),
    [
        (b"(a\\\nb)", b"ab"),
        (b"(a\r\nb\rc)", b"a\nb\nc"),
        (b"(\\n\\r\\t\\b\\f\\(\\)\\\\\\q)", b"\n\r\t\b\f()\\q"),
        (b"(\\1\\12\\123\\1234\\777\\8)", b"\x01\nS" + b"S4" + b"\xff8"),
        (b"(a(b)c)", b"a(b)c"),
        (b"<4 1\n\x004>", b"A@"),
        (b"<>", b""),
    ],
)
def test_strings(raw: bytes, right: bytes) -> None:
    assert decoded(raw) == right


@pytest.mark.parametrize("raw", [b"<4x>", b"<\xff>"])
def test_no_strings(raw: bytes) -> None:
    with pytest.raises(BadSyntax):
        decoded(raw)


@pytest.mark.parametrize("data", [b"", b"short", bytes(16), bytes(17), bytes(32)])
@pytest.mark.parametrize("cipher", [StringCipher.AES_128, StringCipher.AES_256])
def test_damaged_encrypted_strings(cipher: StringCipher, data: bytes) -> None:
    with pytest.raises(BadSyntax):
        Encrypter(encryption(cipher), 7).decrypted(data)
