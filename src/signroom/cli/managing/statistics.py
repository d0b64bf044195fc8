"""``signroom statistics``: how many documents were signed."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from signroom.cli.acting import acting_for
from signroom.cli.printing import print_csv, print_json, print_line

if TYPE_CHECKING:
    from signroom.domain.statistics import MonthlyCount

Day = Annotated[str | None, Parameter()]


def statistics(
    *, subscription: str, since: Day = None, until: Day = None, json: bool = False, csv: bool = False
) -> None:
    """Print how many documents were signed, how sessions ended, and how many timestamps applications were given.

    Counted per month and application: documents by format and level, timestamps by tier.

    A document counts in the month in which its signer signed, a session in the month in which it was opened (UTC).

    Args:
        subscription: name of the subscription
        since: first day, like 2027-01-01; without it eleven months before the last one
        until: last day, like 2027-01-31; without it today
        json: print a JSON list instead of text
        csv: print comma-separated values instead of text
    """
    from signroom.service.subscriptions.read_statistics import read_statistics

    with acting_for(subscription) as (ports, caller):
        found = read_statistics(ports, caller, _day("since", since), _day("until", until)).counts
    if json:
        print_json([_facts(count) for count in found])
    elif csv:
        print_csv(_COLUMNS, [_facts(count) for count in found])
    else:
        for count in found:
            kind = "" if count.format is None else f" {count.format} {count.level}"
            kind = kind if count.tier is None else f" {count.tier}"
            name = count.application or str(count.application_id)
            print_line(f"{count.month:%Y-%m} {name}: {count.what}{kind} {count.outcome} {count.count}")


_COLUMNS = ("month", "applicationId", "application", "what", "format", "level", "tier", "outcome", "count")


def _facts(count: MonthlyCount) -> dict[str, str | int | None]:
    return {
        "month": f"{count.month:%Y-%m}",
        "applicationId": str(count.application_id),
        "application": count.application,
        "what": count.what,
        "format": count.format,
        "level": count.level,
        "tier": count.tier,
        "outcome": count.outcome,
        "count": count.count,
    }


def _day(name: str, text: str | None) -> date | None:
    """Raises: BadInput."""
    from signroom.domain.errors import BadInput

    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"--{name} is a day like 2027-01-31.") from error
