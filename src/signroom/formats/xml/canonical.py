"""Canonical forms (C14N 1.0 and 1.1, Exclusive C14N 1.0), with some of the signatures left out.

libxml2 does the work. It leaves to us what an inclusive form of a part takes over from above it (``xml:lang`` and
the like), and what a transform leaves out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lxml import etree  # type: ignore[import-untyped]

from signroom.domain.errors import InvalidXml
from signroom.formats.xml.reading import XmlDocument, is_inside_signature, only_refusals

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

    from lxml.etree import _Element as Element  # type: ignore[import-untyped]
    from lxml.etree import _ElementTree as Tree

_XML = "{http://www.w3.org/XML/1998/namespace}"


@dataclass(frozen=True, slots=True)
class Canonicalization:
    """One of the algorithms of XMLDSIG, 6.5, with its parameter."""

    exclusive: bool
    with_comments: bool = False
    version_1_1: bool = False
    prefixes: tuple[str, ...] = ()
    """InclusiveNamespaces PrefixList (Exclusive C14N, 3)."""


EXCLUSIVE = Canonicalization(exclusive=True)
INCLUSIVE = Canonicalization(exclusive=False)


def octets(
    document: XmlDocument,
    element: Element | None,
    method: Canonicalization,
    hidden: Sequence[Element] = (),
) -> bytes:
    """The canonical form of `element`, or with None of the whole document, without the elements in `hidden`.

    Raises: LookupError when nothing is left, InvalidXml when there is no such form (relative namespace names).
    """
    hidden = [each for each in hidden if _within(each, element)]
    if element is None:
        if document.root in hidden:
            raise LookupError
        if not hidden:
            return _write(document, document.tree, method)
        tree, twins = document.twin_without(hidden)
        _hide(twins)
        return _write(document, tree, method)
    if any(element is each or each in element.iterancestors() for each in hidden):
        raise LookupError
    inherited = {} if method.exclusive else _inherited(element, method)
    if not hidden and not inherited:
        return _write(document, element, method)
    _, (twin, *twins) = document.twins([element, *hidden])
    _hide(twins)
    for name, value in inherited.items():
        twin.set(name, value)
    return _write(document, twin, method)


def begun(
    document: XmlDocument,
    element: Element | None,
    method: Canonicalization,
    hidden: Sequence[Element],
    algorithm: str,
) -> Hash:
    """A hash that has taken in `octets` and may take in more; they are made once. Raises: as `octets`."""
    shown = (element, method, tuple(each for each in hidden if _within(each, element)), algorithm)
    if shown not in document.hashes:
        document.hashes[shown] = hashlib.new(algorithm, octets(document, element, method, hidden))
    return document.hashes[shown].copy()


def document_octets(document: XmlDocument, element: Element | None, *, hide_signatures: bool) -> bytes:
    """What our own signatures are about: exclusive, without comments. Raises: InvalidXml."""
    if is_inside_signature(document.root if element is None else element):
        raise InvalidXml("What is to be signed is a part of a signature.")
    return octets(document, element, EXCLUSIVE, document.signatures if hide_signatures else ())


def document_digest(document: XmlDocument, element: Element | None, *, hide_signatures: bool) -> bytes:
    """SHA-256 of `document_octets`."""
    return hashlib.sha256(document_octets(document, element, hide_signatures=hide_signatures)).digest()


def standalone_octets(element: Element) -> bytes:
    """The exclusive form of a part of an element that is not in a document yet: the same as it will be there."""
    found: bytes = etree.tostring(element, method="c14n", exclusive=True, with_comments=False)
    return found


def _within(signature: Element, element: Element | None) -> bool:
    """Whether hiding `signature` changes anything in `element`."""
    if element is None or signature is element:
        return True
    return element in signature.iterancestors() or signature in element.iterancestors()


def _hide(elements: Sequence[Element]) -> None:
    """A comment in the place of each: the form without comments passes it over, and the text beside it stays."""
    for element in elements:
        parent = element.getparent()
        if parent is None:
            raise LookupError
        comment = etree.Comment("")
        comment.tail = element.tail
        parent.replace(element, comment)


def _inherited(element: Element, method: Canonicalization) -> dict[str, str]:
    """Attributes like xml:lang that the nearest ancestors give to a part (C14N 1.0, 2.4; C14N 1.1, 2.4)."""
    found: dict[str, str] = {}
    for ancestor in element.iterancestors():
        for name, value in ancestor.attrib.items():
            if name.startswith(_XML) and name not in element.attrib:
                found.setdefault(name, value)
    if method.version_1_1:
        found.pop(f"{_XML}id", None)
        if any(f"{_XML}base" in each.attrib for each in element.iterancestors()):
            raise InvalidXml("It uses xml:base above what is signed.")
    return found


def _write(document: XmlDocument, what: Tree | Element, method: Canonicalization) -> bytes:
    if not method.exclusive:
        # libxml2 looks at all namespaces in scope for each of them, at each element.
        document.spend(document.tags * document.namespaces_in_scope() ** 2 // 3)
    with only_refusals():
        found: bytes = etree.tostring(
            what,
            method="c14n",
            exclusive=method.exclusive,
            with_comments=method.with_comments,
            inclusive_ns_prefixes=list(method.prefixes) or None,
        )
    document.spend(len(found))
    return found
