"""Which files of its signers a subscription accepts: by name, and by what its own endpoint says."""

from __future__ import annotations

from dataclasses import dataclass

from signroom.domain.endpoint import Endpoint

MAX_PATTERN = 1000
MAX_REASON = 500
"""Characters."""


@dataclass(frozen=True, slots=True)
class FileValidation:
    """``file_name_pattern`` (RE2) must match the whole name; None: any name. ``endpoint`` None: nobody is asked."""

    file_name_pattern: str | None = None
    endpoint: Endpoint | None = None


NO_VALIDATION = FileValidation()


def clean_reason(text: str) -> str | None:
    """An application's reason as one line of plain text, cut; None when nothing is left of it."""
    printable = "".join(c if c.isprintable() else " " for c in text[: 4 * MAX_REASON])
    return " ".join(printable.split())[:MAX_REASON].rstrip() or None
