"""How commands print what they found: for people, and as JSON for scripts."""

from __future__ import annotations

import json
from datetime import datetime


def print_json(found: object) -> None:
    """One JSON value, indented."""
    print(json.dumps(found, indent=2, ensure_ascii=False))


def moment(at: datetime | None) -> str | None:
    """Like 2027-01-31T12:00:00Z."""
    return None if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}"
