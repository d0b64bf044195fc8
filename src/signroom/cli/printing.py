"""How commands print what they found: for people, and as JSON for scripts.

Tenants write some of the texts. In none of them a line ends, a terminal is commanded, or a line turns its direction.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from signroom.domain.erasure import Erasure


def print_line(text: str) -> None:
    """One line: what cannot be printed is escaped as in JSON."""
    print("".join(map(_escaped, text)))


def print_json(found: object) -> None:
    """One JSON value, indented."""
    text = json.dumps(found, indent=2, ensure_ascii=False)
    print("".join(c if c == "\n" else _escaped(c) for c in text))


def print_csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """One line for each row under a line of names (RFC 4180). No cell begins as a formula of a spreadsheet does."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row[column]) for column in columns])
    print("".join(c if c == "\n" else _escaped(c) for c in text.getvalue()), end="")


def _cell(value: object) -> str:
    text = "" if value is None else "".join(map(_escaped, str(value)))
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _escaped(character: str) -> str:
    return character if character.isprintable() else json.dumps(character)[1:-1]


def moment(at: datetime | None) -> str | None:
    """Like 2027-01-31T12:00:00Z."""
    return None if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}"


def ask_for_yes() -> int:
    """Say that a command that cannot be taken back needs ``--yes``. Returns the exit code of wrong usage."""
    print("It cannot be taken back: say --yes.", file=sys.stderr)
    return 2


def print_erasure(erasure: Erasure) -> None:
    """How much is gone, and of each signed document what stays: its key and the digest of the signed file."""
    print(f"{erasure.removed.documents} documents, {erasure.removed.files} files erased.")
    for proof in erasure.proofs:
        if proof.sha256 is not None:
            print(f"{proof.key} {proof.sha256}")
