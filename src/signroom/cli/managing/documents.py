"""``signroom documents``: who signed what, and the erasure of one."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from cyclopts import App, Parameter

from signroom.cli.acting import acting_for
from signroom.cli.configuration import installed_settings
from signroom.cli.printing import Json, ask_for_yes, moment, print_csv, print_erasure, print_json, print_line

if TYPE_CHECKING:
    from signroom.service.documents.list_signed import Signed

documents = App(name="documents", help="Documents, and who has signed them.")


@documents.command(name="list")
def list_documents(
    *, subscription: str, since: datetime, until: str | None = None, json: bool = False, csv: bool = False
) -> None:
    """Print who signed what, the earliest first. The question is written into the audit log.

    Args:
        subscription: name of the subscription
        since: first moment, like 2027-01-01 (UTC)
        until: last day, like 2027-01-31 (UTC), or the moment after the last one, like 2027-01-31T12:00; without it now
        json: print a JSON list instead of text
        csv: print comma-separated values instead of text
    """
    from signroom.service.documents.list_signed import list_signed
    from signroom.wiring import read_certificate

    with acting_for(subscription) as (ports, caller):
        end = ports.clock.now() if until is None else _end(until)
        found = list_signed(ports, caller, _utc(since), end, read_certificate)
        if json:
            print_json([_facts(signed) for signed in found])
        elif csv:
            print_csv(_COLUMNS, map(_facts, found))
        else:
            for signed in found:
                f = _facts(signed)
                line = f"{f['signedAt']} {f['application']} {f['signer']}: {f['fileName']} {f['documentId']}"
                waits = f"  {f['level']}, waits for {f['levelWanted']}" if signed.document.awaits_level else ""
                print_line(line + waits)


@documents.command(name="erase")
def erase_document(
    document_id: UUID, *, yes: Annotated[bool, Parameter(negative=())] = False, json: Json = False
) -> int:
    """Erase one document for good; its session stays. What stays of it is printed: document key and digest.

    Args:
        document_id: of a document that is not being processed, and whose session has ended
        yes: needed: it cannot be taken back
    """
    from signroom import wiring
    from signroom.service.access.operators import act_for_document, this_operator
    from signroom.service.erasing.erase import erase_document as erase

    if not yes:
        return ask_for_yes()
    with wiring.operating(installed_settings()) as ports:
        erasure = erase(ports, act_for_document(ports, this_operator(), document_id), document_id)
    print_erasure(erasure, as_json=json)
    return 0


_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_COLUMNS = (
    "signedAt",
    "application",
    "signer",
    "identityConfirmed",
    "fileName",
    "documentId",
    "sessionId",
    "key",
    "level",
    "levelWanted",
    "levelDetail",
)


def _facts(signed: Signed) -> dict[str, str | bool | None]:
    document = signed.document
    return {
        "signedAt": moment(document.signed_at),
        "application": signed.application,
        "signer": signed.signer,
        "identityConfirmed": signed.identity_confirmed,
        "fileName": document.original.name,
        "documentId": str(document.id),
        "sessionId": None if document.session_id is None else str(document.session_id),
        "key": document.key,
        "level": document.level,
        "levelWanted": document.level_wanted,
        "levelDetail": document.level_detail,
    }


def _utc(given: datetime) -> datetime:
    return given.replace(tzinfo=given.tzinfo or UTC)


def _end(text: str) -> datetime:
    """The moment after the last one: a day alone is meant as a whole. Raises: BadInput."""
    from signroom.domain.errors import BadInput

    try:
        if _DAY.fullmatch(text):
            return datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), UTC)
        return _utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError) as error:
        raise BadInput("--until is a day like 2027-01-31, or a moment like 2027-01-31T12:00.") from error
