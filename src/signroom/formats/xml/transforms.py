"""From a ds:Reference to the octets that it is about (XMLDSIG, 4.4.3): within the same file, by a short list of ways.

No XSLT, no XPath of strangers, no other address: a reference that asks for more is not judged.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from signroom.domain.signature import Indication
from signroom.domain.validation import Check
from signroom.formats.xml.canonical import INCLUSIVE, Canonicalization, begun, octets
from signroom.formats.xml.reading import DS, XmlDocument, is_inside_signature
from signroom.formats.xml.signature import (
    BASE64,
    CANONICALIZATIONS,
    DIGESTS,
    ENVELOPED,
    EXC_C14N,
    XPATH,
    XPATH_FILTER_2,
    Fault,
    Reference,
    decode,
    ds,
    malformed,
    text,
    unsupported,
)

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

    from lxml.etree import _Element as Element  # type: ignore[import-untyped]

_XPATH_WITHOUT_SIGNATURES = re.compile(r"\s*not\(\s*ancestor-or-self::([\w.-]+):Signature\s*\)\s*")
_FILTER_WITHOUT_SIGNATURES = re.compile(r"\s*(?:/descendant::|//)([\w.-]+):Signature\s*")


def target(document: XmlDocument, reference: Reference) -> Element | None:
    """The one element that the URI leads to; None for the whole document. Raises: Fault."""
    uri = reference.uri
    if uri == "":
        return None
    if uri is None or not uri.startswith("#") or uri.startswith("#xpointer("):
        reason = "SIGNED_DATA_NOT_FOUND: what is signed is not in this file"
        raise Fault(Indication.INDETERMINATE, reason, Check.XML_DSIG_CORE_VALIDATION_FAILED)
    found = document.with_id(uri[1:])
    if len(found) > 1:
        # Signature wrapping: who verifies and who reads could mean different ones.
        reason = "FORMAT_FAILURE: several elements have the Id of what is signed"
        raise Fault(Indication.TOTAL_FAILED, reason, Check.XML_DSIG_CORE_VALIDATION_FAILED)
    if not found:
        reason = "SIGNED_DATA_NOT_FOUND: no element has the Id of what is signed"
        raise Fault(Indication.INDETERMINATE, reason, Check.XML_DSIG_CORE_VALIDATION_FAILED)
    return found[0]


def referenced_digest(document: XmlDocument, signature: Element, reference: Reference) -> bytes:
    """What DigestValue should be. Raises: Fault, InvalidXml."""
    if reference.algorithm not in DIGESTS:
        raise unsupported("a digest algorithm is not known here")
    # XMLDSIG, 4.4.3.2: inclusive where no transform says how.
    return take_in(document, signature, reference, algorithm=DIGESTS[reference.algorithm], node_sets=INCLUSIVE).digest()


def take_in(
    document: XmlDocument,
    signature: Element,
    reference: Reference,
    *,
    algorithm: str,
    node_sets: Canonicalization,
    before: Hash | None = None,
) -> Hash:
    """A hash by `algorithm` that has taken in what the reference is about, behind what `before` has taken in.

    It may take in more. `node_sets`: the canonical form where no transform says which.

    Raises: Fault, InvalidXml.
    """
    element = target(document, reference)
    found = hashlib.new(algorithm) if before is None else before
    match reference.transforms:
        case [only] if only.get("Algorithm") == BASE64 and element is not None:
            found.update(decode(text(element)))
            return found
    given, hidden = _ways(document, signature, reference, element)
    method = given or _without_comments(node_sets)
    try:
        if before is None:
            return begun(document, element, method, hidden, algorithm)
        found.update(octets(document, element, method, hidden))
    except LookupError:
        raise malformed("what it signs is left out of what it signs") from None
    return found


def takes_in(document: XmlDocument, signature: Element, reference: Reference, inside: Element) -> bool:
    """Whether what the reference is about changes with the content of the element `inside`. Raises: Fault."""
    element = target(document, reference)
    _, hidden = _ways(document, signature, reference, element)
    line = {inside, *inside.iterancestors()}
    return (element is None or element in line) and line.isdisjoint(hidden)


def _ways(
    document: XmlDocument, signature: Element, reference: Reference, element: Element | None
) -> tuple[Canonicalization | None, tuple[Element, ...]]:
    """The canonical form, None where no transform says which, and the signatures left out. Raises: Fault."""
    method: Canonicalization | None = None
    hidden: dict[Element, None] = {}
    for number, transform in enumerate(reference.transforms, 1):
        algorithm = transform.get("Algorithm", "")
        if algorithm == ENVELOPED:
            hidden[signature] = None
        elif _leaves_out_signatures(transform):
            if is_inside_signature(document.root if element is None else element):
                raise malformed("what it signs is left out of what it signs")
            hidden.update(dict.fromkeys(document.signatures))
        elif algorithm in CANONICALIZATIONS and number == len(reference.transforms):
            method = _without_comments(canonicalization(transform))
        else:
            raise unsupported("a transform is not supported")
    return method, tuple(hidden)


def canonicalization(element: Element) -> Canonicalization:
    """Of a CanonicalizationMethod or Transform. Raises: Fault."""
    found = CANONICALIZATIONS.get(element.get("Algorithm", ""))
    if found is None:
        raise unsupported("the canonicalization is not known here")
    children = list(element.iterchildren("*"))
    if not children:
        return found
    if not found.exclusive or [child.tag for child in children] != [f"{{{EXC_C14N}}}InclusiveNamespaces"]:
        raise malformed("a canonicalization has parameters that it cannot have")
    prefixes = tuple(children[0].get("PrefixList", "").split())
    if "#default" in prefixes:
        raise unsupported("libxml2 passes over the default namespace of a PrefixList")
    return Canonicalization(exclusive=True, with_comments=found.with_comments, prefixes=prefixes)


def _without_comments(method: Canonicalization) -> Canonicalization:
    """XMLDSIG, 4.4.3.3: references like "" and "#id" leave comments out, whatever follows."""
    return Canonicalization(method.exclusive, version_1_1=method.version_1_1, prefixes=method.prefixes)


def _leaves_out_signatures(transform: Element) -> bool:
    """The two usual expressions by which signers side by side do not sign each other (XPath; XPath Filter 2.0)."""
    match transform.get("Algorithm"), list(transform.iterchildren("*")):
        case algorithm, [xpath] if algorithm == XPATH and xpath.tag == ds("XPath"):
            found = _XPATH_WITHOUT_SIGNATURES.fullmatch(text(xpath))
        case algorithm, [xpath] if algorithm == XPATH_FILTER_2 and xpath.tag == f"{{{XPATH_FILTER_2}}}XPath":
            if xpath.get("Filter") != "subtract":
                return False
            found = _FILTER_WITHOUT_SIGNATURES.fullmatch(text(xpath))
        case _:
            return False
    return found is not None and xpath.nsmap.get(found[1]) == DS
