"""How many documents a subscription has signed, and how its sessions ended: for its managers and for the operator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from signroom.domain.application import MANAGERS, Caller
from signroom.domain.errors import BadInput
from signroom.domain.statistics import MonthlyCount
from signroom.ports import ManagementPorts

_MONTHS = 12
MAX_SPAN = timedelta(days=3660)


@dataclass(frozen=True, slots=True)
class Report:
    """``first`` and ``last`` are days, both included, in UTC."""

    first: date
    last: date
    counts: list[MonthlyCount]


def read_statistics(ports: ManagementPorts, caller: Caller, first: date | None, last: date | None) -> Report:
    """Without `last` until today; without `first` from the beginning of the month eleven months before.

    Raises: NotAllowed, BadInput.
    """
    caller.require(MANAGERS)
    last = last or ports.clock.now().date()
    if first is None:
        months = last.year * 12 + last.month - _MONTHS
        first = date(max(months // 12, 1), months % 12 + 1, 1)
    if first > last or last - first > MAX_SPAN:  # a sum would leave the calendar near its end
        raise BadInput("The first day is not after the last one, and at most ten years before it.", path="?from")
    with ports.store.read() as work:
        return Report(first, last, work.statistics.by_month(caller.subscription_id, first, last))
