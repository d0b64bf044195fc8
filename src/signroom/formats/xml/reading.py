"""Read XML that strangers wrote: nothing is fetched, nothing is expanded, and what is too large is refused.

The tree of an `XmlDocument` is never changed: a signature is about what is there. Where a transform leaves something
out, that happens in a second tree of the same bytes. (lxml would also rename prefixes when an element is put back.)
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lxml import etree  # type: ignore[import-untyped]

from signroom.domain.errors import EmptyFile, InvalidXml, Refused, XmlElementNotFound, XmlTooComplex

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

    from lxml.etree import _Element as Element  # type: ignore[import-untyped]
    from lxml.etree import _ElementTree as Tree

DS = "http://www.w3.org/2000/09/xmldsig#"
SIGNATURE = f"{{{DS}}}Signature"

_MAX_SIGNATURES = 100
_MAX_WORK, _MAX_PASSES = 128 << 20, 8
"""Octets that are parsed, searched or digested for one file: so many, and so many passes over the whole file.

A small file may ask for as many passes as it likes.
"""
_MAX_TAGS = 1_500_000
"""Each costs memory and time, however small it is. Comments and the like count, too."""
_MAX_ATTRIBUTES = 300
"""Of one element: writing them in order takes time that grows with the square."""
_DEEPEST = 200
"""Elements around one that gets more: libxml2 reads 256 in each other."""
_FEW_NAMESPACES = 16
_MANY_ATTRIBUTES = etree.XPath(f"boolean(//*[@*[{_MAX_ATTRIBUTES + 1}]])")
# By the attributes, of which most files have few: ten times faster than to ask each element.
_WITH_ID = etree.XPath("//@*[name()='Id' or name()='ID' or name()='id' or name()='xml:id']/..")
_ID_NAMES = ("Id", "ID", "id", "{http://www.w3.org/XML/1998/namespace}id")
_TOO_LARGE = frozenset(
    {etree.ErrorTypes.ERR_RESOURCE_LIMIT, etree.ErrorTypes.ERR_NAME_TOO_LONG, etree.ErrorTypes.ERR_NO_MEMORY}
)
_ENCODING = re.compile(r"(?:utf-?8|us-ascii|ascii|iso-8859-\d{1,2}|windows-125\d|utf-?16(?:le|be)?)", re.IGNORECASE)
"""Supersets of ASCII where no other character has an ASCII byte in it, and UTF-16."""


class XmlDocument:
    """A file without DOCTYPE, parsed. Raises: EmptyFile, InvalidXml, XmlTooComplex.

    Args:
        data: the file.
        before: the same document before something was put into it; both may do as much work together as one.
        work: octets that were worked on before; for whoever does not keep the document `before`.
        looked_at_once: nobody looks at the tree after its first canonical form, which may then be made of it itself.
    """

    def __init__(
        self, data: bytes, before: XmlDocument | None = None, *, work: int = 0, looked_at_once: bool = False
    ) -> None:
        if not data:
            raise EmptyFile
        self.data = data
        self._work = work if before is None else before.work
        self._looked_at_once = looked_at_once
        self.tags = data.count(b"<")
        """At most so many elements, twice."""
        if self.tags > _MAX_TAGS:
            raise XmlTooComplex(f"It has more than {_MAX_TAGS} tags.")
        self.hashes: dict[object, Hash] = {}
        """What `canonical` has taken in of this file."""
        self._spare: tuple[Tree, int] | None = None
        self._ids: dict[str, list[Element]] | None = None
        self._namespaces: int | None = None
        self.tree: Tree = self.parse_again()
        self.root: Element = self.tree.getroot()
        self.encoding: str = self.tree.docinfo.encoding or "UTF-8"
        _require_plain(self.tree, self.encoding)
        if data.count(b"=") > _MAX_ATTRIBUTES and _MANY_ATTRIBUTES(self.tree):
            raise XmlTooComplex(f"An element has more than {_MAX_ATTRIBUTES} attributes.")
        self.signatures: tuple[Element, ...] = tuple(self.root.iter(SIGNATURE))
        if len(self.signatures) > _MAX_SIGNATURES:
            raise XmlTooComplex("It has more signatures than a document may have.")

    @classmethod
    def read(cls, file: Path) -> XmlDocument:
        return cls(file.read_bytes())

    @property
    def work(self) -> int:
        """Octets that were worked on."""
        return self._work

    def spend(self, octets: int) -> None:
        """Account for work on so many octets. Raises: XmlTooComplex."""
        self._work += octets
        if self._work > _MAX_WORK + _MAX_PASSES * len(self.data):
            raise XmlTooComplex("Its signatures ask for more digests than a document may need.")

    def has_room_for(self, octets: bytes, element: Element) -> bool:
        """Whether elements in `octets` can be added in `element`, and all can be read. They are no deeper than ten.

        Raises: XmlTooComplex where it takes too much to read them.
        """
        self.spend(len(octets))
        few = self.tags + octets.count(b"<") <= _MAX_TAGS
        return few and sum(1 for _ in element.iterancestors()) < _DEEPEST

    def parse_again(self) -> Tree:
        """A tree of its own, which may be changed. Raises: InvalidXml, XmlTooComplex."""
        self.spend(len(self.data))
        parser = etree.XMLParser(
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            dtd_validation=False,
            huge_tree=False,
            collect_ids=False,
        )
        with only_refusals():
            return etree.fromstring(self.data, parser).getroottree()

    def with_id(self, value: str) -> list[Element]:
        """Elements whose Id, ID, id or xml:id is `value`: no schema says which of them is of type xs:ID."""
        if self._ids is None:
            self.spend(len(self.data))
            self._ids = {}
            for element in _WITH_ID(self.tree):
                for known in {element.get(name) for name in _ID_NAMES} - {None}:
                    self._ids.setdefault(known, []).append(element)
        return self._ids.get(value, [])

    def namespaces_in_scope(self) -> int:
        """The most namespace declarations that stand around one element, its own ones included, or a little more."""
        if self._namespaces is None:
            self._namespaces = _FEW_NAMESPACES
            if self.data.replace(b"\0", b"").count(b"xmlns") > _FEW_NAMESPACES:
                self.spend(len(self.data))
                self._namespaces = max(_FEW_NAMESPACES, _most_declarations(self.data))
        return self._namespaces

    def element_with_id(self, value: str) -> Element:
        """Raises: XmlElementNotFound when there is none, or more than one."""
        found = self.with_id(value)
        if len(found) != 1:
            raise XmlElementNotFound(f"{len(found)} elements have that Id.")
        return found[0]

    def take_over(self, before: XmlDocument, place: int) -> None:
        """Use the tree of `before` where one may be changed: that saves another one.

        `before` is this document without something that was put into its signature number `place`, and into that alone.
        Nobody looks at it any more.
        """
        self._spare = before.tree, place

    def twin_without(self, hidden: Sequence[Element]) -> tuple[Tree, list[Element]]:
        """A second tree of the whole document, and in it the signatures `hidden`, which nobody looks into."""
        spare, self._spare = self._spare, None
        if spare is not None and any(each is self.signatures[spare[1]] for each in hidden):
            tree, _ = spare
            others = dict(zip(self.signatures, tree.getroot().iter(SIGNATURE), strict=True))
            return tree, [others[each] for each in hidden]
        del spare
        return self.twins(hidden)

    def twins(self, elements: Iterable[Element]) -> tuple[Tree, list[Element]]:
        """A second tree, and in it the same elements in the same order."""
        wanted = list(elements)
        if self._looked_at_once:
            return self.tree, wanted
        tree = self.parse_again()
        if not wanted:
            return tree, []
        places = {element: n for n, element in enumerate(wanted)}
        found: dict[int, Element] = {}
        tags = {element.tag for element in wanted}
        for mine, other in zip(self.root.iter(*tags), tree.getroot().iter(*tags), strict=True):
            if mine in places:
                found[places[mine]] = other
        return tree, [found[n] for n in range(len(wanted))]


@contextmanager
def only_refusals() -> Iterator[None]:
    """What lxml says of a stranger's file, in our words. An error of the disk passes."""
    try:
        yield
    except Refused:
        raise
    except (MemoryError, RecursionError) as error:
        raise XmlTooComplex from error
    except etree.XMLSyntaxError as error:
        if error.code in _TOO_LARGE:
            raise XmlTooComplex from error
        # Not its text: that may quote the file.
        raise InvalidXml(f"Line {error.lineno}.") from error
    except (etree.LxmlError, ValueError) as error:
        raise InvalidXml from error


def _most_declarations(data: bytes) -> int:
    """Of namespaces, at one place."""
    most = now = 0
    events = etree.iterparse(
        io.BytesIO(data), events=("start-ns", "end-ns"), resolve_entities=False, no_network=True, load_dtd=False
    )
    with only_refusals():
        for event, _ in events:
            now += 1 if event == "start-ns" else -1
            most = max(most, now)
    return most


def is_inside_signature(element: Element) -> bool:
    """True also for ds:Signature itself."""
    return element.tag == SIGNATURE or next(element.iterancestors(SIGNATURE), None) is not None


def _require_plain(tree: Tree, encoding: str) -> None:
    info = tree.docinfo
    if info.internalDTD is not None or info.doctype:
        raise InvalidXml("It has a DOCTYPE.")
    if (info.xml_version or "1.0") != "1.0":
        raise InvalidXml("It is not XML 1.0: there is no canonical form for others.")
    if _ENCODING.fullmatch(encoding) is None:
        raise InvalidXml("Its encoding is not supported; UTF-8 is.")
