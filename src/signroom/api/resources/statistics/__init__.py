"""``/api/settings/statistics``: how many documents were signed."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Annotated

from litestar import get
from litestar.params import Parameter

from signroom.api.auth import InjectedCaller, InjectedPorts
from signroom.api.media import ANSWERS
from signroom.api.shapes import contract as shapes
from signroom.domain.statistics import Counted
from signroom.service.subscriptions.read_statistics import read_statistics

_FIRST = "First day, in UTC; without it eleven months before the last one."
_LAST = "Last day, in UTC; without it today."


@get("/api/settings/statistics", responses=ANSWERS, summary="Count what was signed", tags=["Settings"])
async def read(
    ports: InjectedPorts,
    caller: InjectedCaller,
    first: Annotated[date | None, Parameter(query="from", description=_FIRST)] = None,
    last: Annotated[date | None, Parameter(query="to", description=_LAST)] = None,
) -> shapes.StatisticsModel:
    """Addition. Needs the role Manager. Documents that were signed, sessions by how they ended, and timestamps that
    applications were given, per month.

    A document counts once, in the month in which its signer signed. A session counts in the month in which it was
    opened, a timestamp in that in which it was given. Nothing is taken away when files are purged or erased.
    """
    report = await asyncio.to_thread(read_statistics, ports, caller, first, last)
    return shapes.StatisticsModel(
        first=report.first.isoformat(),
        last=report.last.isoformat(),
        documents=[
            shapes.SignedCountModel(
                month=f"{c.month:%Y-%m}",
                application_id=c.application_id,
                application_name=c.application,
                signature_type=c.format or "",
                level=c.level or "",
                count=c.count,
            )
            for c in report.counts
            if c.what is Counted.DOCUMENT
        ],
        sessions=[
            shapes.EndedCountModel(
                month=f"{c.month:%Y-%m}",
                application_id=c.application_id,
                application_name=c.application,
                status=c.outcome,
                count=c.count,
            )
            for c in report.counts
            if c.what is Counted.SESSION
        ],
        timestamps=[
            shapes.TimestampCountModel(
                month=f"{c.month:%Y-%m}",
                application_id=c.application_id,
                application_name=c.application,
                tier=c.tier or "",
                count=c.count,
            )
            for c in report.counts
            if c.what is Counted.TIMESTAMP
        ],
    )
