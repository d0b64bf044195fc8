"""Where ds:Signature goes, and how it gets there without another byte of the file being touched.

A second serialisation would be the same document with other bytes: other quotes, other line ends, another
declaration. So the place is found in the tree, and the element is put into the octets.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from lxml import etree  # type: ignore[import-untyped]

from signroom.domain.errors import InvalidXml, XmlElementNotFound
from signroom.domain.signature import XmlInsertion, XmlLocation, XmlOptions
from signroom.formats.xml.reading import XmlDocument, is_inside_signature

if TYPE_CHECKING:
    from lxml.etree import _Element as Element  # type: ignore[import-untyped]

_SIBLINGS = (XmlInsertion.APPEND_SIBLING, XmlInsertion.PREPEND_SIBLING)

_LONGEST_XPATH = 1000
_XPATH_FUNCTIONS = frozenset(
    {"contains", "last", "local-name", "name", "namespace-uri", "normalize-space", "not", "position", "starts-with"}
    | {"comment", "node", "text", "and", "or"}
)
_LITERAL = re.compile(r"'[^']*'|\"[^\"]*\"")
_SLOW = re.compile(
    r"""(?P<axis>(?<![\w-])(?!child::|attribute::|self::)[\w-]+\s*::) | \| | \$ | \.\.
      | //.*//               # a second search within each result of the first
      | \[[^\]]*(//|\[)      # a search, or a condition, within a condition
      | (?!\A)\([^)]*//      # a search within a function or brackets, the outermost aside
      | (?:[<>]=?+|=)(?!\s*+(?:''|\d|last\b))   # all of a set with all of another""",
    re.VERBOSE | re.DOTALL,
)
_CALL = re.compile(r"([\w-]+)\s*\(")

_ID = re.compile(r"[\w.:-]{1,1000}")
"""What can stand behind # as it is. Wider than xs:ID, which may not begin with a digit: many do."""

_BEGINS_IN_ASCII = re.compile(rb"(?:\xef\xbb\xbf)?\s*<[^\0]")
_END_TAG = re.compile(rb"</([^\s<>?!/]+)\s*>\s*")
_END_OF_TAG = re.compile(rb"\s*>")
_MARKUP = re.compile(
    rb"""<(?: !--.*?-- | \?.*?\? | !\[CDATA\[.*?\]\] | (?P<end>/)[^>]*+
          | (?P<start>[^\s!?/>]++)(?:[^>"']++|"[^"]*+"|'[^']*+')*+ )>""",
    re.VERBOSE | re.DOTALL,
)
"""All that begins with < in a well-formed document without DOCTYPE."""


@dataclass(frozen=True, slots=True)
class Place:
    """Relative to `anchor`, an element of the document."""

    anchor: Element
    insertion: XmlInsertion

    @property
    def parent(self) -> Element:
        """The parent of the element that goes there."""
        return self.anchor.getparent() if self.insertion in _SIBLINGS else self.anchor

    def is_inside(self, element: Element) -> bool:
        return element is self.parent or element in self.parent.iterancestors()


def signed_element(document: XmlDocument, options: XmlOptions) -> Element | None:
    """The element that `options` name; None for the whole document. Raises: XmlElementNotFound."""
    if options.element_id is None:
        if is_inside_signature(document.root):
            raise XmlElementNotFound("The document is itself a signature.")
        return None
    if _ID.fullmatch(options.element_id) is None:
        raise XmlElementNotFound("That Id has characters that a reference to it may not have.")
    element = document.element_with_id(options.element_id)
    if is_inside_signature(element):
        raise XmlElementNotFound("The element is a part of a signature.")
    return element


def find_place(document: XmlDocument, options: XmlOptions) -> Place:
    """Raises: XmlElementNotFound."""
    location = options.location
    if location is None:
        element = signed_element(document, options)
        return Place(document.root if element is None else element, XmlInsertion.APPEND_CHILD)
    place = Place(_located(document, location), location.insertion)
    if place.parent is None:
        raise XmlElementNotFound("Beside the document's element there is no place for another.")
    if is_inside_signature(place.parent):
        raise XmlElementNotFound("The place is inside a signature.")
    return place


def _located(document: XmlDocument, location: XmlLocation) -> Element:
    _require_quick(location.xpath)
    try:
        found = document.tree.xpath(location.xpath, namespaces=dict(location.namespaces), smart_strings=False)
    except (etree.XPathError, TypeError, ValueError) as error:
        raise XmlElementNotFound("The XPath cannot be evaluated.") from error
    if not isinstance(found, list) or not all(isinstance(each, etree._Element) for each in found):  # noqa: SLF001
        raise XmlElementNotFound("The XPath selects no element.")
    if len(found) != 1 or not isinstance(found[0].tag, str):
        raise XmlElementNotFound(f"The XPath selects {len(found)} elements.")
    return found[0]


def _require_quick(xpath: str) -> None:
    """libxml2 evaluates anything, for hours if need be, and cannot be stopped: only what is linear goes there.

    One search (//) and steps to children, with conditions on names, attributes, positions and children's text.
    """
    if len(xpath) > _LONGEST_XPATH:
        raise XmlElementNotFound("The XPath is too long.")
    bare = _LITERAL.sub("''", xpath)
    unknown = set(_CALL.findall(bare)) - _XPATH_FUNCTIONS
    if unknown or _SLOW.search(bare) is not None:
        raise XmlElementNotFound(
            "The XPath may have one //, steps to children, and conditions on names, attributes and positions."
        )


# -- octets ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Splice:
    """Octets that take the place of some of a file's, or of none."""

    start: int
    end: int
    octets: bytes
    is_certain: bool = False
    """They stand right before the end tag of their place, and cannot stand anywhere else."""

    def into(self, data: bytes) -> bytes:
        return b"".join((data[: self.start], self.octets, data[self.end :]))


def insert(document: XmlDocument, place: Place, element: bytes) -> bytes:
    """The file with `element` (ASCII) in its place, everything else as it is. Raises: InvalidXml."""
    return splice(document, place, element).into(document.data)


def in_encoding_of(data: bytes, text: bytes) -> bytes:
    """`text` (ASCII) as it stands in a file that is `data`."""
    _, codec = _wide(data)
    return text if codec is None else text.decode("ascii").encode(codec)


def splice(document: XmlDocument, place: Place, element: bytes) -> Splice:
    """What puts `element` (ASCII) in its place. Raises: InvalidXml."""
    if place.anchor is document.root and place.insertion is XmlInsertion.APPEND_CHILD:
        end = _end_of_root(document.data, document.root)
        if end is not None:
            return Splice(end, end, element)
    if place.insertion is XmlInsertion.APPEND_CHILD:
        end = _end_of_element(document, place.anchor)
        if end is not None:
            return Splice(end, end, element, is_certain=True)
    ordinal = next(n for n, each in enumerate(document.root.iter("*")) if each is place.anchor)
    mark, codec = _wide(document.data)
    if codec is None and not _is_ascii_in_octets(document):
        raise InvalidXml("Its encoding is not what it says.")
    if codec is None:
        return _spliced(document.data, ordinal, place.insertion, element)
    try:
        content = document.data[len(mark) :].decode(codec).encode()
    except UnicodeError as error:
        raise InvalidXml("Its encoding is not what it says.") from error
    found = _spliced(content, ordinal, place.insertion, element)

    def wide(octets: bytes) -> bytes:
        return octets.decode().encode(codec)

    start = len(mark) + len(wide(content[: found.start]))
    return Splice(start, start + len(wide(content[found.start : found.end])), wide(found.octets))


def _wide(data: bytes) -> tuple[bytes, str | None]:
    """(mark, codec) of UTF-16 by its first octets (XML 1.0, appendix F.1); no codec for supersets of ASCII."""
    for mark, codec in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if data.startswith(mark):
            return mark, codec
    if data.startswith(b"<\0"):
        return b"", "utf-16-le"
    return b"", "utf-16-be" if data.startswith(b"\0<") else None


def _is_ascii_in_octets(document: XmlDocument) -> bool:
    """Whether each ASCII character of the file is one octet, and no other character has such an octet in it.

    A file may begin in ASCII, say that it is UTF-16, and go on in that: libxml2 reads it.
    """
    _, codec = _wide(document.data)
    says_wide = document.encoding.lower().startswith(("utf16", "utf-16"))
    return codec is None and not says_wide and _BEGINS_IN_ASCII.match(document.data) is not None


def _spliced(content: bytes, ordinal: int, insertion: XmlInsertion, element: bytes) -> Splice:
    start, end = _tags(content, ordinal)
    match insertion:
        case XmlInsertion.PREPEND_SIBLING:
            at = start.start()
        case XmlInsertion.APPEND_SIBLING:
            at = end.end()
        case XmlInsertion.APPEND_CHILD | XmlInsertion.PREPEND_CHILD if end is start:  # <name/>
            return Splice(start.end() - 2, start.end(), b"".join((b">", element, b"</", start["start"], b">")))
        case XmlInsertion.PREPEND_CHILD:
            at = start.end()
        case XmlInsertion.APPEND_CHILD:
            at = end.start()
        case _:
            assert_never(insertion)
    return Splice(at, at, element)


def _end_of_root(content: bytes, root: Element) -> int | None:
    """Where the end tag of the whole document begins, when nothing but white space is behind it.

    None where it must be looked for from the beginning, which takes much longer. In UTF-16 each tag has a zero octet,
    and so none looks like an end tag here.
    """
    at = max(content.rfind(b"</"), 0)
    found = _END_TAG.fullmatch(content, at)
    name = etree.QName(root).localname
    written = name if root.prefix is None else f"{root.prefix}:{name}"
    if name.endswith("--"):  # A comment could end like the end tag of such a name.
        return None
    return at if found is not None and found[1] == written.encode() else None


def _end_of_element(document: XmlDocument, element: Element) -> int | None:
    """Where the end tag of `element` begins, found by counting the end tags of its name.

    Each of these elements has its end tag, and it is found. So where there are as many as elements, nothing else looks
    like one. None where there are more: some are in comments, in CDATA sections, in processing instructions, or of
    other namespaces. None also where an element is not written out, and in UTF-16, where other characters may consist
    of the octets of an end tag. Then it must be looked for from the beginning, which takes much longer.
    """
    if not _is_ascii_in_octets(document):
        return None
    name = etree.QName(element).localname
    written = name if element.prefix is None else f"{element.prefix}:{name}"
    if not written.isascii():
        return None
    same = [each for each in document.root.iter(element.tag) if each.prefix == element.prefix]
    # As <name/> it has no end tag, and something else that looks like one could make up for it.
    if not all(len(each) or each.text for each in same):
        return None
    ends = _end_tags(document.data, written.encode())
    if len(ends) != len(same):
        return None
    # End tags come in another order than start tags: those of what is inside first, those of what is around last.
    around = sum(each in same for each in element.iterancestors(element.tag))
    inside = sum(each.prefix == element.prefix for each in element.iterdescendants(element.tag))
    end: int = ends[same.index(element) - around + inside]
    return end


def _end_tags(content: bytes, name: bytes) -> list[int]:
    """Where what looks like an end tag of the qualified `name` begins. A plain search is three times as quick as a
    pattern."""
    tag, found = b"</" + name, []
    at = content.find(tag)
    while at >= 0:
        behind = at + len(tag)
        if _END_OF_TAG.match(content, behind) is not None:
            found.append(at)
        at = content.find(tag, behind)
    return found


def _tags(content: bytes, ordinal: int) -> tuple[re.Match[bytes], re.Match[bytes]]:
    """The start tag of element number `ordinal` and its end tag; twice the same for an empty-element tag."""
    start: re.Match[bytes] | None = None
    depth = 0
    for tag in _MARKUP.finditer(content):
        if tag["start"] is not None:
            empty = tag[0].endswith(b"/>")
            if start is None and ordinal == 0:
                if empty:
                    return tag, tag
                start = tag
            ordinal -= 1
            depth += start is not None and not empty
        elif tag["end"] is not None and start is not None:
            depth -= 1
            if depth == 0:
                return start, tag
    raise InvalidXml("Its elements cannot be told apart.")
