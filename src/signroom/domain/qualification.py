"""What a certificate makes of a signature in the European Union (Regulation 910/2014, articles 3, 25 and 35)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class QualifiedLevel(StrEnum):
    """The best that a signature by the certificate can be."""

    QES = "QES"
    """Qualified: by a qualified certificate, with a key in a qualified device."""
    ADES_QC = "AdESQC"
    """Advanced, by a qualified certificate."""
    ADES = "AdES"
    """Advanced, by a certificate that is not qualified."""


class QualifiedFor(StrEnum):
    """What a qualified certificate is for."""

    SIGNATURES = "ESig"
    """Of a natural person."""
    SEALS = "ESeal"
    """Of a legal person."""
    WEB_SITES = "WebAuthentication"


@dataclass(frozen=True, slots=True)
class Qualification:
    """As the trusted lists say it for one certificate. Whether the certificate is valid is said elsewhere."""

    level: QualifiedLevel
    purpose: QualifiedFor | None = None
    """None: the certificate is not qualified."""
    on_device: bool = False
    """The key is in a qualified signature or seal creation device (QSCD)."""
    territory: str | None = None
    """Whose list has the service that decided, like ``PT``."""
    service: str | None = None
    """The name of that service."""


NOT_QUALIFIED = Qualification(QualifiedLevel.ADES)
