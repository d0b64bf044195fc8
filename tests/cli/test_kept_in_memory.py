"""What a server has loaded is not searched for garbage while it answers."""

from __future__ import annotations

import gc

from signroom.cli.serve import keep_what_is_loaded


def test_what_is_loaded_at_the_start_is_no_longer_searched() -> None:
    """The search took 0.1 s of the processor, and all answers waited for it."""
    try:
        keep_what_is_loaded()

        assert gc.get_freeze_count() > 10 * len(gc.get_objects())
    finally:
        gc.unfreeze()
