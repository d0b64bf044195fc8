"""XAdES baseline B-B (EN 319 132-1), inside the document that it signs, cut in two where the key leaves the building.

The signature leaves out every ds:Signature of the document, not only itself (XPath Filter 2.0, RFC 3653): signers
sign the same content side by side, in any number and order. The enveloped-signature transform stands before it for
verifiers that know no filter; they see the signatures of one signer.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from lxml import etree  # type: ignore[import-untyped]

from signroom.domain.augmentation import TimestampUse
from signroom.domain.errors import (
    BadCertificate,
    BrokenSignature,
    CertificateKeyNotSupported,
    InvalidXml,
    VerificationFailed,
    XmlSealed,
)
from signroom.domain.signature import (
    WHOLE_DOCUMENT,
    CertificateChain,
    CheckedValue,
    DigestAlgorithm,
    Indication,
    Inspection,
    Prepared,
    SignatureType,
    TrustedChain,
    Verdict,
    XmlLayout,
    XmlOptions,
)
from signroom.domain.signature_policy import SignaturePolicy, stated_policy
from signroom.domain.validation import Check
from signroom.formats.certificate import load_certificate
from signroom.formats.xml.canonical import document_digest, document_octets, standalone_octets
from signroom.formats.xml.examination import examine
from signroom.formats.xml.lasting import properties
from signroom.formats.xml.lasting.levels import read_one
from signroom.formats.xml.places import Place, find_place, insert, signed_element
from signroom.formats.xml.reading import DS, XmlDocument
from signroom.formats.xml.signature import (
    DIGESTS,
    ENVELOPED,
    EXC_C14N,
    METHODS,
    SIGNED_PROPERTIES_TYPE,
    XADES,
    XPATH_FILTER_2,
    ds,
    xa,
)
from signroom.formats.xml.verification import judge, judge_signature
from signroom.ports.files import Signed, Stored

if TYPE_CHECKING:
    from lxml.etree import _Element as Element  # type: ignore[import-untyped]

__all__ = ["canonical", "embed", "examine", "inspect", "prepare", "sign", "signature_imprint", "verify"]

XML = "application/xml"

_DIGEST_URIS = {name: uri for uri, name in DIGESTS.items()}
_METHOD_URIS = {names: uri for uri, names in METHODS.items()}
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_PLACEHOLDER = f'<ds:Signature xmlns:ds="{DS}"/>'.encode()


def inspect(file: Path, options: XmlOptions = WHOLE_DOCUMENT) -> Inspection:
    """Raises: EmptyFile, InvalidXml, XmlTooComplex, XmlElementNotFound, BrokenSignature, XmlSealed."""
    document = XmlDocument.read(file)
    signatures, inside, before, with_one_more = _looked_at(document, options)
    # A rehearsal of what `verify` will do, which needs more memory than all before it: better refused now than then.
    after = XmlDocument(with_one_more, document, looked_at_once=True)
    del document
    if document_digest(after, signed_element(after, options), hide_signatures=inside) != before:
        raise InvalidXml("A signature cannot be put into it without changing it.")
    return Inspection(SignatureType.XML, XML, 0, signatures)


def _looked_at(document: XmlDocument, options: XmlOptions) -> tuple[int, bool, bytes, bytes]:
    inside = _require_signable(document, options)
    before = document_digest(document, signed_element(document, options), hide_signatures=inside)
    return len(document.signatures), inside, before, insert(document, find_place(document, options), _PLACEHOLDER)


def prepare(
    file: Path,
    trusted: TrustedChain,
    algorithm: DigestAlgorithm,
    now: datetime,
    options: XmlOptions = WHOLE_DOCUMENT,
) -> Prepared:
    """Lay out ds:Signature for its place in `file`.

    Raises: as `inspect`, BadCertificate, CertificateKeyNotSupported.
    """
    chain = trusted.chain
    kind = _key_kind(chain)
    document = XmlDocument.read(file)
    inside = _require_signable(document, options)
    digest = _digest(algorithm, _signed_octets(document, options))
    signature = _signature(chain, kind, algorithm, now=now, options=options, digest=digest, inside=inside)
    element: bytes = etree.tostring(signature, encoding="us-ascii")
    return Prepared(
        original_length=len(document.data),
        digest_algorithm=algorithm,
        document_digest=digest,
        to_sign=standalone_octets(signature[0]),
        chain=chain,
        layout=XmlLayout(element, options),
    )


def canonical(file: Path, options: XmlOptions = WHOLE_DOCUMENT) -> bytes:
    """The octets whose digest is signed. Raises: EmptyFile, InvalidXml, XmlTooComplex, XmlElementNotFound."""
    return _signed_octets(XmlDocument.read(file), options)


def embed(original: Path, prepared: Prepared, checked: CheckedValue, output: Path) -> Stored:
    """Write the signed file: `original` with the element in its place, and not another octet changed.

    Raises: InvalidXml when `original` is not the file that was prepared,
    VerificationFailed when the element is not the one that was signed.
    """
    return _embed(original, prepared, _completed(prepared, checked), output)


def sign(
    original: Path, prepared: Prepared, checked: CheckedValue, output: Path, timestamp: bytes | None = None
) -> Signed:
    """As `embed`, with `timestamp` (DER) as its signature timestamp; what was written is judged like a stranger's file.

    Raises: as `embed`, TimestampTooLarge, VerificationFailed when the token is not about this signature.
    """
    signature = _completed(prepared, checked)
    if timestamp is not None:
        _stamp(signature, timestamp)
    stored = _embed(original, prepared, signature, output)
    document = XmlDocument.read(output)
    verdict = _verdict(document)
    if timestamp is not None:
        names = [element.get("Id") for element in document.signatures]
        found = read_one(document, names.index(signature.get("Id")))
        if found is None or [(one.token, stamp.intact) for one, stamp in found.embedded] != [(timestamp, True)]:
            raise VerificationFailed("The timestamp is not one of the signature.")
    return Signed(stored, verdict)


def signature_imprint(prepared: Prepared, checked: CheckedValue, algorithm: DigestAlgorithm) -> bytes:
    """The digest of the exclusive form of ds:SignatureValue, which is the same as it will be in the file."""
    value = _completed(prepared, checked).find(ds("SignatureValue"))
    return _digest(algorithm, standalone_octets(value))


def _completed(prepared: Prepared, checked: CheckedValue) -> Element:
    """ds:Signature with its value. Raises: VerificationFailed."""
    layout = prepared.layout_as(XmlLayout)
    signature = etree.fromstring(layout.signature, etree.XMLParser(resolve_entities=False, no_network=True))
    if standalone_octets(signature[0]) != prepared.to_sign:
        raise VerificationFailed("The prepared element is not the one that was signed.")
    signature.find(ds("SignatureValue")).text = base64.b64encode(_as_xml_value(prepared, checked.value)).decode()
    return signature


def _stamp(signature: Element, token: bytes) -> None:
    """Raises: TimestampTooLarge."""
    qualifying = signature.find(f"{ds('Object')}/{xa('QualifyingProperties')}")
    holder = _add(_add(qualifying, xa("UnsignedProperties")), xa("UnsignedSignatureProperties"))
    name = f"{signature.get('Id')}-sigtst"
    holder.append(etree.fromstring(properties.timestamp(TimestampUse.SIGNATURE, name, token)))


def _embed(original: Path, prepared: Prepared, signature: Element, output: Path) -> Stored:
    document = XmlDocument.read(original)
    options = prepared.layout_as(XmlLayout).options
    digest = _digest(prepared.digest_algorithm, _signed_octets(document, options))
    if len(document.data) != prepared.original_length or digest != prepared.document_digest:
        raise InvalidXml("The stored file is not the one that was prepared.")
    content = insert(document, find_place(document, options), etree.tostring(signature, encoding="us-ascii"))
    output.write_bytes(content)
    return Stored(len(content), hashlib.sha256(content).digest())


def verify(file: Path) -> Verdict:
    """All signatures of `file`, in the order they claim to be made. Raises: EmptyFile, InvalidXml, XmlTooComplex."""
    return _verdict(XmlDocument.read(file))


def _verdict(document: XmlDocument) -> Verdict:
    return Verdict(tuple(found.verdict for found in judge(document)))


# -- what may be signed, and where -----------------------------------------------------------------


def _signed_octets(document: XmlDocument, options: XmlOptions) -> bytes:
    element = signed_element(document, options)
    inside = element is None or find_place(document, options).is_inside(element)
    return document_octets(document, element, hide_signatures=inside)


def _require_signable(document: XmlDocument, options: XmlOptions) -> bool:
    """Whether the signature goes inside what it signs.

    Raises: XmlElementNotFound, BrokenSignature, XmlSealed.
    """
    element = signed_element(document, options)
    place = find_place(document, options)
    inside = element is None or place.is_inside(element)
    if document.signatures:
        _require_unharmed(document, place)
    return inside


def _require_unharmed(document: XmlDocument, place: Place) -> None:
    """The earlier signatures hold, and will with one more: try it."""
    before = [judge_signature(document, element) for element in document.signatures]
    broken = next((found for found in before if found.verdict.indication is Indication.TOTAL_FAILED), None)
    if broken is not None:
        raise BrokenSignature(broken.verdict.reason)
    # INDETERMINATE for want of knowing what is signed: nobody can say what another signature does to it.
    if any(f.fault is not None and f.fault.check is Check.XML_DSIG_CORE_VALIDATION_FAILED for f in before):
        raise XmlSealed("It is of a kind that is not supported here.")
    after = XmlDocument(insert(document, place, _PLACEHOLDER), document)
    for element in after.signatures:
        is_new = not len(element)
        if not is_new and judge_signature(after, element).verdict.indication is Indication.TOTAL_FAILED:
            raise XmlSealed


# -- the element -----------------------------------------------------------------------------------


def _signature(
    chain: CertificateChain,
    kind: str,
    algorithm: DigestAlgorithm,
    *,
    now: datetime,
    options: XmlOptions,
    digest: bytes,
    inside: bool,
) -> Element:
    """ds:Signature with an empty value. Its own namespace declarations are all it needs (Exclusive C14N, 2.1)."""
    name = f"xmldsig-{uuid4()}"
    signature = etree.Element(ds("Signature"), nsmap={"ds": DS}, Id=name)
    info = _add(signature, ds("SignedInfo"))
    _add(info, ds("CanonicalizationMethod"), Algorithm=EXC_C14N)
    _add(info, ds("SignatureMethod"), Algorithm=_METHOD_URIS[kind, algorithm.value])
    uri = "" if options.element_id is None else f"#{options.element_id}"
    reference = _add(info, ds("Reference"), Id=f"{name}-ref0", URI=uri)
    transforms = _add(reference, ds("Transforms"))
    if inside:
        _add(transforms, ds("Transform"), Algorithm=ENVELOPED)
        transform = _add(transforms, ds("Transform"), Algorithm=XPATH_FILTER_2)
        nsmap = {"filter": XPATH_FILTER_2}
        expression = etree.SubElement(transform, f"{{{XPATH_FILTER_2}}}XPath", nsmap=nsmap, Filter="subtract")
        expression.text = "/descendant::ds:Signature"
    _add(transforms, ds("Transform"), Algorithm=EXC_C14N)
    _add_digest(reference, algorithm, digest)
    _add(signature, ds("SignatureValue"), Id=f"{name}-sigvalue")
    data = _add(_add(signature, ds("KeyInfo")), ds("X509Data"))
    for der in dict.fromkeys((chain.certificate, *chain.issuers)):
        _add(data, ds("X509Certificate"), base64.b64encode(der).decode())
    properties = _properties(signature, name, chain.certificate, algorithm, now)
    policy = stated_policy(options.signature_policy, SignatureType.XML)
    if policy is not None:
        _add_policy(properties[0], policy)
    # EN 319 132-1, 4.3.3.2: referred to by its Id, with this Type.
    own = _add(info, ds("Reference"), Type=SIGNED_PROPERTIES_TYPE, URI=f"#{properties.get('Id')}")
    _add(_add(own, ds("Transforms")), ds("Transform"), Algorithm=EXC_C14N)
    _add_digest(own, algorithm, _digest(algorithm, standalone_octets(properties)))
    return signature


def _properties(
    signature: Element, name: str, certificate: bytes, algorithm: DigestAlgorithm, now: datetime
) -> Element:
    """SigningTime, SigningCertificateV2, DataObjectFormat: what level B-B asks for (EN 319 132-1, 6.3)."""
    holder = _add(signature, ds("Object"))
    qualifying = etree.SubElement(holder, xa("QualifyingProperties"), nsmap={"xades": XADES}, Target=f"#{name}")
    properties: Element = _add(qualifying, xa("SignedProperties"), Id=f"{name}-signedprops")
    of_signature = _add(properties, xa("SignedSignatureProperties"))
    _add(of_signature, xa("SigningTime"), now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    bound = _add(_add(of_signature, xa("SigningCertificateV2")), xa("Cert"))
    _add_digest(_add(bound, xa("CertDigest")), algorithm, _digest(algorithm, certificate))
    of_data = _add(properties, xa("SignedDataObjectProperties"))
    data_format = _add(of_data, xa("DataObjectFormat"), ObjectReference=f"#{name}-ref0")
    _add(data_format, xa("MimeType"), XML)
    return properties


def _add_policy(of_signature: Element, policy: SignaturePolicy) -> None:
    """SignaturePolicyIdentifier (EN 319 132-1, 5.2.9): behind the signer's certificate, as the schema has it."""
    named = _add(_add(of_signature, xa("SignaturePolicyIdentifier")), xa("SignaturePolicyId"))
    _add(_add(named, xa("SigPolicyId")), xa("Identifier"), f"urn:oid:{policy.oid}", Qualifier="OIDAsURN")
    _add_digest(_add(named, xa("SigPolicyHash")), policy.digest_algorithm, policy.digest)
    qualifier = _add(_add(named, xa("SigPolicyQualifiers")), xa("SigPolicyQualifier"))
    _add(qualifier, xa("SPURI"), policy.uri)


def _add(parent: Element, tag: str, text: str | None = None, **attributes: str) -> Element:
    element = etree.SubElement(parent, tag, **attributes)
    element.text = text
    return element


def _add_digest(parent: Element, algorithm: DigestAlgorithm, digest: bytes) -> None:
    _add(parent, ds("DigestMethod"), Algorithm=_DIGEST_URIS[algorithm.value])
    _add(parent, ds("DigestValue"), base64.b64encode(digest).decode())


def _digest(algorithm: DigestAlgorithm, content: bytes) -> bytes:
    return hashlib.new(algorithm.value, content).digest()


# -- keys and values -------------------------------------------------------------------------------


def _key_kind(chain: CertificateChain) -> str:
    """``RSA`` or ``ECDSA``. Raises: BadCertificate, CertificateKeyNotSupported."""
    try:
        for der in chain.issuers:
            load_certificate(der)
        key = load_certificate(chain.certificate).public_key()
    except UnsupportedAlgorithm as error:
        raise CertificateKeyNotSupported from error
    except ValueError as error:
        raise BadCertificate from error
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA"
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, _CURVES):
        return "ECDSA"
    raise CertificateKeyNotSupported


def _as_xml_value(prepared: Prepared, value: bytes) -> bytes:
    """ECDSA comes as DER, as in CMS; XMLDSIG 1.1, 6.4.3, has r||s. Raises: VerificationFailed."""
    key = load_certificate(prepared.chain.certificate).public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return value
    width = (key.curve.key_size + 7) // 8
    try:
        return b"".join(number.to_bytes(width, "big") for number in decode_dss_signature(value))
    except (ValueError, OverflowError) as error:
        raise VerificationFailed("The signature value is not one of this key.") from error
