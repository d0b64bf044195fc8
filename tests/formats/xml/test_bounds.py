"""XML that asks for too much is refused by what it has, before the work is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from signroom.domain.errors import XmlTooComplex
from signroom.domain.signature import XmlInsertion, XmlOptions
from signroom.formats.xml.places import Place, find_place, insert
from signroom.formats.xml.reading import XmlDocument
from signroom.formats.xml.xades import inspect
from tests.soak.costly import XML


@pytest.mark.parametrize(
    ("name", "size", "detail"),
    [
        ("elements", 8 << 20, "1500000 tags"),
        ("comments", 12 << 20, "1500000 tags"),
        ("attributes", 10_000, "300 attributes"),
        ("namespaces, inclusive", 1 << 20, "more digests"),
        ("references", 2 << 20, "more digests"),
    ],
)
def test_what_asks_for_too_much_is_refused_by_what_it_has(tmp_path: Path, name: str, size: int, detail: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(XML[name](size))

    with pytest.raises(XmlTooComplex, match=detail):
        inspect(file)


@pytest.mark.parametrize(
    ("content", "signed"),
    [
        (b"<a><x:b xmlns:x='u'>1</x:b ><b>2</b></a>", b"<a><x:b xmlns:x='u'>1!</x:b ><b>2</b></a>"),
        (b"<a><b/><b>1<b>2</b></b><b>3</b></a>", b"<a><b>!</b><b>1<b>2</b></b><b>3</b></a>"),
        (b"<a><b>1<b>2</b></b><b>3</b></a>", b"<a><b>1<b>2</b>!</b><b>3</b></a>"),
        (b"<a><!-- </b> --><b>1</b></a>", b"<a><!-- </b> --><b>1!</b></a>"),
        (b"<a><b><![CDATA[</b>]]></b><b/></a>", b"<a><b><![CDATA[</b>]]>!</b><b/></a>"),
        (b"<a><b/><c><![CDATA[</b>]]></c></a>", b"<a><b>!</b><c><![CDATA[</b>]]></c></a>"),
        (b"<a><b.c>1</b.c><b>2</b></a>", b"<a><b.c>1</b.c><b>2!</b></a>"),
        ("<a><é>1</é></a>".encode(), "<a><é>1!</é></a>".encode()),
    ],
)
def test_the_end_of_an_element_is_found_by_counting(content: bytes, signed: bytes) -> None:
    document = XmlDocument(content)
    anchor = next(each for each in document.root.iterdescendants() if each.tag in {"b", "{u}b", "é"})
    assert insert(document, Place(anchor, XmlInsertion.APPEND_CHILD), b"!") == signed


@pytest.mark.parametrize(
    ("content", "signed"),
    [
        (b"<a><b/></a>", b"<a><b/>!</a>"),
        (b"<a></a >\n \n", b"<a>!</a >\n \n"),
        (b'<p:a xmlns:p="urn:p"></p:a>', b'<p:a xmlns:p="urn:p">!</p:a>'),
        (b"<a/>", b"<a>!</a>"),
        (b"<a/><!-- </a>-->", b"<a>!</a><!-- </a>-->"),
        (b"<a></a><!-- </a >-->", b"<a>!</a><!-- </a >-->"),
        (b"<a></a><?p </a>?>", b"<a>!</a><?p </a>?>"),
        (b"<a></a><?p </b ?>", b"<a>!</a><?p </b ?>"),
        (b"<a><![CDATA[</a>]]></a>", b"<a><![CDATA[</a>]]>!</a>"),
    ],
)
def test_the_end_of_the_document_is_found_from_behind_too(content: bytes, signed: bytes) -> None:
    document = XmlDocument(content)

    assert insert(document, find_place(document, XmlOptions()), b"!") == signed
