"""``make bench``: figures as ratios to a floor or a peer in the same run. No absolute time is a promise."""

from __future__ import annotations

from bench import api, first_view, levels, load, pades, page, scale, start, webhooks

if __name__ == "__main__":
    print("PAdES B-B: prepare + finish")
    pades.main()
    print("\nPAdES B-T, B-LT, B-LTA")
    levels.main()
    print("\nThe API")
    api.main()
    print("\nThe page: from the link to the signed documents")
    page.main()
    print("\nThe page: its first seconds")
    first_view.main()
    print("\nWhole sessions on PostgreSQL, web and workers apart")
    load.main()
    print("\nWebhooks to one endpoint")
    webhooks.main()
    print("\nA million sessions, five million events")
    scale.main()
    print("\nStart of the demo")
    start.main()
