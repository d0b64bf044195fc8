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
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from signroom.domain.erasure import Erasure


Json = Annotated[bool, Parameter(negative=(), help="print JSON instead of text")]
"""The option of a command whose output scripts read."""
OfSubscription = Annotated[str, Parameter(help="name of the subscription")]


def tell(facts: object, *lines: str, as_json: bool) -> None:
    """`facts` as JSON, or `lines` as text."""
    if as_json:
        print_json(facts)
        return
    for line in lines:
        print_line(line)


def show(facts: Mapping[str, object], *, as_json: bool) -> None:
    """All that is known of one thing: as JSON, or one line for each value."""
    lines: list[str] = []
    for name, value in facts.items():
        values = (value or [None]) if isinstance(value, list) else [value]
        lines += [f"{name}: {_shown(one)}" for one in values]
    tell(facts, *lines, as_json=as_json)


def _shown(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else value


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


def print_erasure(erasure: Erasure, *, as_json: bool) -> None:
    """How much is gone, and of each signed document what stays: its key and the digest of the signed file."""
    kept = [proof for proof in erasure.proofs if proof.sha256 is not None]
    tell(
        {
            "id": str(erasure.id),
            "documents": erasure.removed.documents,
            "files": erasure.removed.files,
            "kept": [{"id": str(p.document_id), "key": p.key, "sha256": p.sha256} for p in kept],
        },
        f"{erasure.removed.documents} documents, {erasure.removed.files} files erased.",
        *(f"{proof.key} {proof.sha256}" for proof in kept),
        as_json=as_json,
    )
