"""Names of the fields that are added to files."""

from __future__ import annotations

from uuid import uuid4


def new_field_name() -> str:
    """A name of its own: two signers must not fill the same field."""
    return f"Signature-{uuid4().hex[:12]}"
