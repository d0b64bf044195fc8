"""What is kept of answers from outside, as numbers for the metrics."""

from __future__ import annotations

from datetime import datetime

from signroom.ports.operations import Measured
from signroom.ports.outside import KeptAnswers


def answers_measured(kept: KeptAnswers, now: datetime) -> list[Measured]:
    """How many there are, their bytes, and how old the oldest one is."""
    age = 0.0 if kept.oldest is None else max((now - kept.oldest).total_seconds(), 0.0)
    return [
        Measured("kept_answers", kept.count),
        Measured("kept_answers_bytes", kept.length),
        Measured("kept_answers_oldest_seconds", age),
    ]
