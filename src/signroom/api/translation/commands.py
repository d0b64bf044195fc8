"""The wire's requests to commands: what the schema alone can tell is checked here, and nothing is decided."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlsplit

from signroom.api.shapes import contract as shapes
from signroom.api.shapes.appearance import PdfOptionsRequest, appearance_of
from signroom.api.shapes.wire import EmptyList
from signroom.domain.application import Role
from signroom.domain.errors import BadInput, NotImplementedHere, about, at
from signroom.domain.level import Level
from signroom.domain.metadata import Metadata, clean_metadata
from signroom.domain.requirement import CertificateRequirement, RequirementKind
from signroom.domain.signature import (
    NO_OPTIONS,
    CmsOptions,
    DigestAlgorithm,
    DigestValue,
    OptionsByType,
    PdfOptions,
    SignatureType,
    XmlInsertion,
    XmlLocation,
    XmlOptions,
)
from signroom.domain.signature_policy import SignaturePolicy, find_policy, level_under, stated_policy
from signroom.domain.timestamp import MessageImprint, require_tier
from signroom.service.documents.add_document import NewDocument
from signroom.service.documents.file_sources import Address, Content, EarlierDocument, FileSource, UploadToken

E = TypeVar("E", bound=StrEnum)

_DATA_FILE = "cmsSignatureOptions.dataFile"
_OLD_SPELLINGS = {"pades": "Pdf", "cades": "Cms", "xades": "Xml", "xmldsig": "Xml"}
_DIGESTS = {name.casefold(): name for name in ("MD5", "SHA1", "SHA256", "SHA384", "SHA512", "SHA3_256")}
_LENGTHS = {"MD5": 16, "SHA1": 20, "SHA256": 32, "SHA384": 48, "SHA512": 64, "SHA3_256": 32}


def metadata_of(given: shapes.GivenMetadata, field: str = "metadata") -> Metadata:
    """`field` is the one that they stand in. Raises: BadMetadata."""
    if not isinstance(given, dict):
        return ()
    # Null is unset: it must not hide what the session or the application says under that name.
    values = {
        name: [value] if isinstance(value, str) else [v for v in value if v is not None]
        for name, value in given.items()
        if value is not None
    }
    with at(field):
        return clean_metadata(values)


def file_source(given: shapes.FileReference | EmptyList | None, field: str = "file") -> FileSource:
    """Raises: BadInput unless there is exactly one of content, blobToken and url."""
    found = optional_source(given, field)
    if found is None:
        raise BadInput(f"A {field} is missing: it needs its content (base64), a blobToken or a url.", path=field)
    return found


def optional_source(given: shapes.FileReference | EmptyList | None, field: str = "file") -> FileSource | None:
    """None for a reference that names nothing. `field` is the one that it stands in. Raises: BadInput."""
    if not isinstance(given, shapes.FileReference):
        return None
    with at(field):
        return _source(given)


def _source(given: shapes.FileReference) -> FileSource | None:
    """Raises: BadInput."""
    content_type = given.content_type or given.mime_type
    # Answers carry a url beside: content wins over an upload, an upload over an address.
    if given.content is not None:
        return Content(given.content.chunks, given.name, content_type)
    if given.blob_token:
        return UploadToken(given.blob_token, given.name, content_type)
    if address := given.url or given.location:
        return Address(_checked_url(address), given.name, content_type)
    return None


def _checked_url(url: str) -> str:
    if url.startswith("/"):
        return url
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise BadInput("The url of a file is not a valid URL.", path="url") from error
    if parts.scheme.lower() not in {"http", "https"} or not parts.hostname or len(url) > 4096:
        raise BadInput("A file's url is absolute, http or https.", path="url")
    return url


def new_document(
    file: FileSource | EarlierDocument,
    *,
    signature_type: str | None = None,
    pdf: PdfOptionsRequest | EmptyList | None = None,
    cms: shapes.CmsOptionsRequest | EmptyList | None = None,
    xml: shapes.XmlOptionsRequest | EmptyList | None = None,
    metadata: Metadata = (),
    key: str | None = None,
    fallback_name: str | None = None,
    default: OptionsByType = NO_OPTIONS,
    policies: Sequence[SignaturePolicy] = (),
) -> NewDocument:
    """`policies`: those of the operator. Raises: BadInput, NotImplementedHere, SignaturePolicyNotFound."""
    kind = signature_type_of(signature_type)
    if isinstance(xml, shapes.XmlOptionsRequest):
        kind = kind or SignatureType.XML
        if kind is not SignatureType.XML and (_xml_element(xml) or _xml_location(xml)):
            message = f"xmlSignatureOptions name an element or a place, and signatureType is {kind}."
            raise BadInput(message, path="xmlSignatureOptions")
    return NewDocument(
        file=file,
        signature_type=kind,
        options=signing_options(pdf, cms, xml, default, policies),
        data=None if not isinstance(cms, shapes.CmsOptionsRequest) else optional_source(cms.data_file, _DATA_FILE),
        metadata=metadata,
        key=key or None,
        fallback_name=fallback_name,
    )


def signature_type_of(given: str | None) -> SignatureType | None:
    """None when nothing is asked; older spellings are understood. Raises: BadInput."""
    if not given:
        return None
    return member(SignatureType, _OLD_SPELLINGS.get(given.casefold(), given), "signatureType")


def signing_options(
    pdf: PdfOptionsRequest | EmptyList | None,
    cms: shapes.CmsOptionsRequest | EmptyList | None,
    xml: shapes.XmlOptionsRequest | EmptyList | None = None,
    default: OptionsByType = NO_OPTIONS,
    policies: Sequence[SignaturePolicy] = (),
) -> OptionsByType:
    """What is not said here is as in `default`. `policies`: those of the operator, beside those that are known here.

    Raises: BadInput, NotImplementedHere, SignaturePolicyNotFound.
    """
    own_pdf = pdf if isinstance(pdf, PdfOptionsRequest) else None
    own_cms = cms if isinstance(cms, shapes.CmsOptionsRequest) else None
    own_xml = xml if isinstance(xml, shapes.XmlOptionsRequest) else None
    with at("pdfSignatureOptions"):
        pdf_options = _pdf_options(pdf, own_pdf, default.pdf, policies)
    with at("cmsSignatureOptions"):
        cms_options = default.cms if own_cms is None else _cms_options(own_cms, default.cms, policies)
    with at("xmlSignatureOptions"):
        xml_options = _xml_options(own_xml, default.xml, policies)
    return OptionsByType(pdf=pdf_options, cms=cms_options, xml=xml_options)


def level_of(given: str | None) -> Level | None:
    """None when nothing is asked; ``LTA`` is ``B-LTA``. Raises: BadInput."""
    if not given:
        return None
    return member(Level, given if given[:2].upper() == "B-" else f"B-{given}", "level")


def _tier(given: str | None) -> str | None:
    """None when nothing is asked. Raises: BadInput."""
    with about("timestampTier"):
        return require_tier(given) if given else None


def _pdf_options(
    given: PdfOptionsRequest | EmptyList | None,
    own: PdfOptionsRequest | None,
    default: PdfOptions,
    policies: Sequence[SignaturePolicy],
) -> PdfOptions:
    wanted = None if own is None else own.signature_policy
    policy = _policy(wanted, default.signature_policy, SignatureType.PDF, policies)
    level = level_of(None if own is None else own.level)
    return PdfOptions(
        appearance_of(given) or default.appearance,
        level_under(policy, level or default.level),
        _tier(None if own is None else own.timestamp_tier) or default.timestamp_tier,
        None if policy is None else policy.stated,
    )


def _cms_options(
    given: shapes.CmsOptionsRequest, default: CmsOptions, policies: Sequence[SignaturePolicy]
) -> CmsOptions:
    policy = _policy(given.signature_policy, default.signature_policy, SignatureType.CMS, policies)
    return CmsOptions(
        detached=default.detached if given.detached is None else given.detached,
        data_hashes=digests_of(given.data_hashes) or default.data_hashes,
        level=level_under(policy, level_of(given.level) or default.level),
        timestamp_tier=_tier(given.timestamp_tier) or default.timestamp_tier,
        signature_policy=None if policy is None else policy.stated,
    )


def _xml_options(
    given: shapes.XmlOptionsRequest | None, default: XmlOptions, policies: Sequence[SignaturePolicy]
) -> XmlOptions:
    wanted = None if given is None else given.signature_policy
    policy = _policy(wanted, default.signature_policy, SignatureType.XML, policies)
    level = level_of(None if given is None else given.level)
    return XmlOptions(
        _xml_element(given),
        _xml_location(given),
        level_under(policy, level or default.level),
        _tier(None if given is None else given.timestamp_tier) or default.timestamp_tier,
        None if policy is None else policy.stated,
    )


def _policy(
    given: str | None, default: str | None, signature_type: SignatureType, policies: Sequence[SignaturePolicy]
) -> SignaturePolicy | None:
    """None when nothing is asked. `default` is stated already. Raises: SignaturePolicyNotFound."""
    if given:
        return find_policy(given, signature_type, policies)
    return stated_policy(default, signature_type)


def digests_of(given: list[shapes.DigestRequest] | None) -> tuple[DigestValue, ...]:
    """Raises: BadInput."""
    found = []
    for number, one in enumerate(given or ()):
        with at(f"dataHashes[{number}]"):
            found.append(_digest(one))
    return tuple(found)


def _digest(given: shapes.DigestRequest) -> DigestValue:
    name = _DIGESTS.get((given.algorithm or "").casefold())
    if name is None:
        raise BadInput("A digest's algorithm is not one of DigestAlgorithms.", path="algorithm")
    value = given.value
    if value is None:
        try:
            value = bytes.fromhex(given.hex_value or "")
        except ValueError as error:
            raise BadInput("A digest's hexValue is not hexadecimal.", path="hexValue") from error
    if len(value) != _LENGTHS[name]:
        raise BadInput(
            f"A digest of {name} has {_LENGTHS[name]} bytes.", path="hexValue" if given.value is None else "value"
        )
    return DigestValue(name, value)


def message_imprint(given: shapes.DigestRequest) -> MessageImprint:
    """Raises: BadInput, also for a digest that is too weak for a timestamp."""
    found = _digest(given)
    if found.algorithm not in set(DigestAlgorithm):
        raise BadInput("A timestamp is for a digest of SHA256, SHA384 or SHA512.", path="algorithm")
    return MessageImprint(DigestAlgorithm(found.algorithm), found.value)


def _xml_element(given: shapes.XmlOptionsRequest | None) -> str | None:
    if given is None:
        return None
    kind = (given.type or ("XmlElement" if given.element_to_sign_id else "FullXml")).casefold()
    match kind:
        case "fullxml":
            if given.element_to_sign_id:
                message = "FullXml signs the whole document: leave out elementToSignId, or ask for XmlElement."
                raise BadInput(message, path="elementToSignId")
            return None
        case "xmlelement":
            if not given.element_to_sign_id:
                raise BadInput("XmlElement needs elementToSignId.", path="elementToSignId")
            return given.element_to_sign_id
        case "onlineresource" | "detachedresource":
            raise NotImplementedHere("Only FullXml and XmlElement are signed.", path="type")
        case _:
            raise BadInput("xmlSignatureOptions.type is not one of XmlSignatureTypes.", path="type")


def _xml_location(given: shapes.XmlOptionsRequest | None) -> XmlLocation | None:
    location = given.signature_element_location if given is not None else None
    if not isinstance(location, shapes.XmlLocationRequest):
        return None
    with at("signatureElementLocation"):
        return _xml_place(location)


def _xml_place(location: shapes.XmlLocationRequest) -> XmlLocation | None:
    """Raises: BadInput."""
    insertion = member(XmlInsertion, location.insertion_option or XmlInsertion.APPEND_CHILD, "insertionOption")
    if not location.x_path:
        if insertion is not XmlInsertion.APPEND_CHILD:
            raise BadInput("signatureElementLocation needs an xPath for its insertionOption.", path="xPath")
        return None
    namespaces = tuple((n.prefix or "", n.uri or "") for n in location.namespaces or ())
    return XmlLocation(location.x_path, namespaces, insertion)


def requirements_of(
    given: list[shapes.RequirementRequest] | None, place: str = "certificateRequirements"
) -> tuple[CertificateRequirement, ...]:
    """`place` is the field that they stand in. Raises: BadInput."""
    found = []
    for number, one in enumerate(given or ()):
        with at(f"{place}[{number}]"):
            kind = member(RequirementKind, one.type or "", "type")
            with about("argument"):
                found.append(CertificateRequirement.of(kind, one.argument))
    return tuple(found)


def roles_of(given: shapes.RolesRequest | EmptyList | None) -> frozenset[Role]:
    """Raises: BadInput."""
    if not isinstance(given, shapes.RolesRequest):
        return frozenset()
    return frozenset(member(Role, role, f"roles[{number}]") for number, role in enumerate(given.roles or ()))


def moment_of(given: datetime | None, field: str) -> datetime | None:
    """In UTC; one that does not say where is in UTC already, as .NET writes it. Raises: BadInput."""
    if given is None:
        return None
    try:
        return given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)
    except OverflowError as error:
        raise BadInput(f"{_last(field)} is out of range.", path=field) from error


def member(kind: type[E], text: str, field: str) -> E:
    """The member that `text` spells, case ignored. Raises: BadInput."""
    for candidate in kind:
        if candidate.value.casefold() == text.casefold():
            return candidate
    raise BadInput(f"{_last(field)} is one of {', '.join(kind)}.", path=field)


def _last(field: str) -> str:
    """The name of a field, without what says where it stands."""
    return field.lstrip("?").partition("[")[0]


def require_absent(**fields: object) -> None:
    """What this version does not do is refused, not ignored: dropped silently it would be a hole."""
    for name, value in fields.items():
        if value:
            raise NotImplementedHere(f"Field '{name}'.", path=name)
