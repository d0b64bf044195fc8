"""A canonical form without signatures is cut out of the whole one, and is that of a second tree without them."""

from __future__ import annotations

import pytest

from signroom.formats.xml import canonical, cutting
from signroom.formats.xml.canonical import Canonicalization, octets
from signroom.formats.xml.reading import DS, SIGNATURE, XmlDocument

_SIGNED = '<s:Signature xmlns:s="{}" xmlns:u="urn:u">{}</s:Signature >tail'
_INNER = _SIGNED.format(DS, "<s:Object><u:b/></s:Object>")
_AROUND = [
    "<a>{}</a>",
    "<a>1{}2<!-- <s:Signature> -->{}3</a>",
    '<a xmlns="urn:a" xml:lang="pt" x="s:Signature >"><b> {} </b>Signature &lt;s:Signature <c xmlns="">{}</c></a>',
    '<a xmlns:s="urn:other"><s:Signature/>{}<s:Signature>{}</s:Signature></a>',
    "<?p Signature?><a>{}<Signature/><Signature ><SignatureValue/></Signature></a><?p q?>",
    f"<a>{{}}{_SIGNED.format(DS, _INNER)}</a>",
]
_LOOKS_LIKE_ONE = [
    "<a><?p <s:Signature >?>{}</a>",
    "<?p <Signature>?><a>{}</a>",
    "<a>{}<?p </s:Signature>?></a>",
]


@pytest.mark.parametrize("around", _AROUND + _LOOKS_LIKE_ONE)
@pytest.mark.parametrize("method", [Canonicalization(exclusive=True), Canonicalization(exclusive=False)])
def test_what_is_cut_out_is_what_a_second_tree_has(around: str, method: Canonicalization) -> None:
    content = around.format(_INNER, _SIGNED.format(DS, "<?q </s:Object>?>")).encode()
    document = XmlDocument(content)
    tops = [None, document.root]
    ways = [document.signatures[:1], document.signatures[-1:], document.signatures]
    found = [octets(document, top, method, hidden) for top in tops for hidden in ways]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(canonical, "without", lambda *_: None)
        by_trees = [octets(document, top, method, hidden) for top in tops for hidden in ways]

    assert found == by_trees
    assert b"u:b" not in found[2]


@pytest.mark.parametrize("around", _AROUND)
def test_no_second_tree_is_made(around: str, monkeypatch: pytest.MonkeyPatch) -> None:
    document = XmlDocument(around.format(_INNER, _INNER).encode())
    monkeypatch.setattr(XmlDocument, "twins", None)

    assert octets(document, None, canonical.EXCLUSIVE, document.signatures)


@pytest.mark.parametrize("around", _LOOKS_LIKE_ONE)
def test_nothing_is_cut_where_an_instruction_looks_like_a_tag(around: str) -> None:
    document = XmlDocument(around.format(_INNER).encode())
    whole = octets(document, None, canonical.EXCLUSIVE)

    assert cutting.without(whole, document.root, document.signatures) is None


def test_a_name_that_stands_there_without_end_is_not_looked_for() -> None:
    document = XmlDocument(b"<a>" + b"Signature" * 1001 + f"{_INNER}</a>".encode())
    whole = octets(document, None, canonical.EXCLUSIVE)

    assert cutting.without(whole, document.root, document.signatures) is None
    assert SIGNATURE.encode() not in octets(document, None, canonical.EXCLUSIVE, document.signatures)


def test_a_form_that_only_the_rest_has_is_made_of_a_second_tree() -> None:
    """Relative names of namespaces have no canonical form. Here only the signature has one."""
    inside = _SIGNED.format(DS, '<r xmlns="relative"/>')
    document = XmlDocument(f"<a>1{inside}2</a>".encode())

    assert octets(document, None, canonical.EXCLUSIVE, document.signatures) == b"<a>1tail2</a>"
