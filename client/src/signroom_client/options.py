"""What a request may say beside its files: documents, requirements, and how signatures look and are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from signroom_client.files import AnyFile
from signroom_client.models import Digest
from signroom_client.showing import OneLine
from signroom_client.words import (
    HorizontalAlign,
    HorizontalDirection,
    Level,
    MeasurementUnits,
    PageOrientation,
    PaperSize,
    RequirementType,
    SignatureType,
    VerticalAlign,
    VerticalDirection,
    XmlInsertion,
    XmlSignatureType,
)

MetadataInput = Mapping[str, str | Sequence[str]]
"""Names (letters, digits, ``-``, ``_``, space; at most 50) to one or more values (at most 500 characters each)."""


@dataclass(frozen=True, slots=True)
class CertificateRequirement:
    """What the signer's certificate must be; all of a session's must hold."""

    type: RequirementType
    argument: str | None = None

    @classmethod
    def crypto_device(cls) -> CertificateRequirement:
        """The key lives in a device (smart card, token, HSM)."""
        return cls(RequirementType.CRYPTO_DEVICE)

    @classmethod
    def cpf(cls, number: str) -> CertificateRequirement:
        """ICP-Brasil: the certificate of the person with this CPF."""
        return cls(RequirementType.CPF, number)

    def __repr__(self) -> str:
        # The argument is a personal number.
        return f"CertificateRequirement({self.type.value})"


# -- visible signatures of PDFs --------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Rectangle(OneLine):
    """Each edge is a distance from the outer one, like CSS; leave out what follows from the rest."""

    left: float | None = None
    top: float | None = None
    right: float | None = None
    bottom: float | None = None
    width: float | None = None
    height: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Size(OneLine):
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PageOptimization(OneLine):
    """For a page that is added."""

    paper_size: PaperSize | None = None
    custom_paper_size: Size | None = None
    page_orientation: PageOrientation | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class AutoPositioning(OneLine):
    """Fill `container` with rectangles of one size; each signature takes the next free one."""

    container: Rectangle
    signature_rectangle_size: Size
    horizontal_direction: HorizontalDirection | None = None
    vertical_direction: VerticalDirection | None = None
    row_spacing: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class VisualPosition(OneLine):
    """`page_number`: from 1; -1 is the last page, -2 the one before; 0 a new page at the end.

    Exactly one of `auto` and `manual`.
    """

    page_number: int
    auto: AutoPositioning | None = None
    manual: Rectangle | None = None
    measurement_units: MeasurementUnits | None = None
    """Centimeters unless said otherwise."""
    page_optimization: PageOptimization | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class VisualText(OneLine):
    """``{{name}}`` in `text` is filled in from the certificate."""

    text: str
    font_size: float | None = None
    include_signing_time: bool | None = None
    horizontal_align: HorizontalAlign | None = None
    container: Rectangle | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class VisualImage(OneLine):
    """A PNG or JPEG. `opacity` from 0 to 100."""

    content: bytes
    mime_type: str = "image/png"
    opacity: int | None = None
    horizontal_align: HorizontalAlign | None = None
    vertical_align: VerticalAlign | None = None

    def to_wire(self) -> dict[str, Any]:
        return {
            "resource": {"content": self.content, "mimeType": self.mime_type},
            "opacity": self.opacity,
            "horizontalAlign": self.horizontal_align,
            "verticalAlign": self.vertical_align,
        }


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class VisualRepresentation(OneLine):
    position: VisualPosition
    text: VisualText | None = None
    image: VisualImage | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PdfSignatureOptions(OneLine):
    visual_representation: VisualRepresentation | None = None
    measurement_units: MeasurementUnits | None = None
    page_optimization: PageOptimization | None = None
    level: Level | str | None = None
    """That the signed file is to reach: how long the signature lasts."""
    timestamp_tier: str | None = None
    """Whose authorities give the timestamps in the file; the operator has named the tiers."""
    signature_policy: str | None = None
    """That the signature names, by its name or OID."""


# -- CMS and XML -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CmsSignatureOptions(OneLine):
    """`detached`: the signature does not hold the file. To sign such a one again, give the file or its digests."""

    detached: bool | None = None
    data_file: AnyFile | None = None
    data_hashes: Sequence[Digest] | None = None
    level: Level | str | None = None
    timestamp_tier: str | None = None
    signature_policy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class XmlNamespace(OneLine):
    prefix: str
    uri: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class XmlLocation(OneLine):
    """Where the signature goes, relative to the element that `x_path` selects."""

    x_path: str
    namespaces: Sequence[XmlNamespace] = ()
    insertion_option: XmlInsertion = XmlInsertion.APPEND_CHILD


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class XmlSignatureOptions(OneLine):
    """The whole document, or one element of it by its Id."""

    type: XmlSignatureType | None = None
    element_to_sign_id: str | None = None
    signature_element_location: XmlLocation | None = None
    level: Level | str | None = None
    timestamp_tier: str | None = None


# -- documents -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, repr=False)
class NewDocument(OneLine):
    """A document of a new session; what is not said is as the session has it."""

    file: AnyFile | UUID
    """A file, or the id of a document that was signed before and is signed once more."""
    signature_type: SignatureType | None = None
    document_key: str | None = None
    """One that was allocated before."""
    metadata: MetadataInput | None = None
    pdf_signature_options: PdfSignatureOptions | None = None
    cms_signature_options: CmsSignatureOptions | None = None


NewDocuments = NewDocument | AnyFile | Sequence[NewDocument | AnyFile] | None
"""One or several."""


def documents_of(given: NewDocuments) -> list[NewDocument]:
    """`given` as a list; empty for None. Raises: TypeError, for a bare text above all."""
    if given is None:
        return []
    return [one if isinstance(one, NewDocument) else NewDocument(one) for one in _several(given)]


def _several(given: Any) -> Sequence[Any]:
    several = isinstance(given, Sequence) and not isinstance(given, str | bytes)
    return given if several else [given]
