"""What pre-flight has to say about a file, beside a refusal: codes and facts, never sentences for signers.

The page has a sentence per code and language; `message` is the English one, for applications and logs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FindingLevel(StrEnum):
    """How far a finding stands in the way."""

    NOTE = "note"
    """It can be signed; worth knowing."""
    BUT = "but"
    """It can be signed, and the signer should look at it first."""
    CANNOT = "cannot"
    """It cannot be signed: the code is that of a DocumentRejected or of FileTooLarge."""


class FindingCode(StrEnum):
    """What can be signed but is worth a word. Stable: stored with documents and sent on the wire."""

    CERTIFIED = "Certified"
    """Its author allows signatures: `level` 2 (forms and signatures) or 3 (comments too; ISO 32000-1, table 254)."""
    EARLIER_SIGNATURE = "EarlierSignature"
    """Intact, by `name`."""
    EARLIER_SIGNATURE_UNPROVEN = "EarlierSignatureUnproven"
    """By `name`: neither broken nor proven, because it is of an old or weak kind, or what came later is unclear."""
    CHANGED_AFTER_SIGNATURE = "ChangedAfterSignature"
    """After `name` had signed, something was changed that their signature does not forbid: `changes` says what."""
    PDF_A = "PdfA"
    """Its metadata claim PDF/A-`part` `conformance` (ISO 19005); nobody has checked the claim."""
    XFA_FORM = "XfaForm"
    """A static XFA form: some readers draw it from XML beside the pages."""
    SCRIPTS = "Scripts"
    """It holds actions of `kinds`: JavaScript, Launch, SubmitForm, ImportData."""
    EXTERNAL_CONTENT = "ExternalContent"
    """Some of what it shows lies in other files, which no signature covers."""
    DAMAGED = "Damaged"
    """It could only be read leniently."""
    ODD_PAGES = "OddPages"
    """Some pages are of `kinds`: rotated, cropped, huge, scaled."""
    FILLS_FIELD = "FillsField"
    """The signature goes into the empty `field` that the author has made for one."""
    OTHER_TYPE = "OtherType"
    """The name ends in `suffix`, and the content is a PDF."""


_MESSAGES = {
    FindingCode.CERTIFIED: "Its author has certified it and allows signatures.",
    FindingCode.EARLIER_SIGNATURE: "It has an earlier signature, which is intact.",
    FindingCode.EARLIER_SIGNATURE_UNPROVEN: "It has an earlier signature that cannot be proven intact.",
    FindingCode.CHANGED_AFTER_SIGNATURE: "After an earlier signature it was filled in, or something was added to it.",
    FindingCode.PDF_A: "It claims to be PDF/A.",
    FindingCode.XFA_FORM: "It has an XFA form: some programs may show it differently.",
    FindingCode.SCRIPTS: "It contains scripts or actions: it may look different elsewhere.",
    FindingCode.EXTERNAL_CONTENT: "It shows content of other files, which the signature will not cover.",
    FindingCode.DAMAGED: "It is slightly damaged: it can be read, but not every program may read it alike.",
    FindingCode.ODD_PAGES: "It has pages of an unusual size, rotation or crop.",
    FindingCode.FILLS_FIELD: "The signature goes into a field that is there for one.",
    FindingCode.OTHER_TYPE: "Its name says that it is something else than a PDF.",
}

MAX_FACT = 200
"""Characters of a value that comes out of a stranger's file."""


@dataclass(frozen=True, slots=True)
class Finding:
    """``facts`` are (name, value) pairs: plain text out of a stranger's file, printable and bounded."""

    code: FindingCode
    level: FindingLevel
    facts: tuple[tuple[str, str], ...] = ()

    @property
    def message(self) -> str:
        return _MESSAGES[self.code]


def fact(name: str, value: str) -> tuple[str, str]:
    """A fact with what cannot be printed left out, cut to `MAX_FACT` characters."""
    return name, "".join(c for c in value if c.isprintable())[:MAX_FACT]
