"""``make bench``: figures as ratios to a floor or a peer in the same run. No absolute time is a promise.

Arguments are names of parts; without any all of them run. What they print goes into ``docs/performance.md``, too.
"""

from __future__ import annotations

import sys

from bench import api, batch, first_view, levels, load, memory, pades, page, requests, scale, start, webhooks
from bench.report import Part, run

PARTS = (
    Part("pades", "PAdES B-B: prepare and finish", pades.main),
    Part("levels", "B-T, B-LT and B-LTA, beside DSS and pyHanko", levels.main),
    Part("requests", "What a request costs", requests.main),
    Part("api", "The API", api.main),
    Part("batch", "A session, phase by phase", batch.main),
    Part("page", "The page: from the link to the signed documents", page.main),
    Part("first_view", "The page: its first seconds", first_view.main),
    Part("load", "Whole sessions on PostgreSQL, web and workers apart", load.main),
    Part("webhooks", "Webhooks to one endpoint", webhooks.main),
    Part("memory", "Memory after many sessions", memory.main),
    Part("scale", "A million sessions, five million events", scale.main),
    Part("start", "Start of the demo", start.main),
)

if __name__ == "__main__":
    run(PARTS, sys.argv[1:])
