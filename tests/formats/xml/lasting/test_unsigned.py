"""Unsigned properties are anybody's: what reading them costs is bounded."""

from __future__ import annotations

import tracemalloc

import pytest

from signroom.domain.errors import XmlTooComplex
from signroom.formats.xml.lasting.unsigned import read_unsigned
from signroom.formats.xml.reading import XmlDocument


def stamped(times: int) -> XmlDocument:
    """A signature that holds so many archive timestamps with tokens of one byte."""
    one = "<a:ArchiveTimeStamp><x:EncapsulatedTimeStamp>AA==</x:EncapsulatedTimeStamp></a:ArchiveTimeStamp>"
    text = (
        '<d:Signature xmlns:d="http://www.w3.org/2000/09/xmldsig#" xmlns:x="http://uri.etsi.org/01903/v1.3.2#" '
        'xmlns:a="http://uri.etsi.org/01903/v1.4.1#"><d:Object><x:QualifyingProperties><x:SignedProperties/>'
        f"<x:UnsignedProperties><x:UnsignedSignatureProperties>{one * times}</x:UnsignedSignatureProperties>"
        "</x:UnsignedProperties></x:QualifyingProperties></d:Object></d:Signature>"
    )
    return XmlDocument(text.encode())


def test_the_memory_for_many_timestamps_does_not_grow_with_their_square() -> None:
    document = stamped(5000)
    tracemalloc.start()
    found = read_unsigned(document, document.signatures[0])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found is not None
    assert len(found.timestamps) == 5000
    assert len(found.timestamps[-1].before()) == 4999
    assert most < 8 << 20


def test_reading_them_again_and_again_is_bounded() -> None:
    document = stamped(5000)
    with pytest.raises(XmlTooComplex):
        for _ in range(100):
            read_unsigned(document, document.signatures[0])
