"""An error that a test's own process logs is written as Python writes it."""

from __future__ import annotations

import pytest
import structlog


def test_an_exception_is_written_and_not_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise ValueError("the reason")
    except ValueError:
        structlog.get_logger().exception("something.failed", number=7)

    written = capsys.readouterr().out
    assert "something.failed" in written
    assert "number=7" in written
    assert 'Traceback (most recent call last):\n  File "' in written
    assert written.rstrip().endswith("ValueError: the reason")
