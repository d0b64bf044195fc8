"""The thread of every executing process that looks at the clock: schedules that are due."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Engine

from signroom.ports import Schedule

log = structlog.get_logger()

BEAT_SECONDS = 5.0


class Pulse:
    """Beats until `stop`. A database that is away costs one line in the log, and the beats go on."""

    def __init__(
        self,
        engine: Engine,
        schedules: Sequence[Schedule],
        enqueue: Callable[[str, str], None],
        *,
        beat: float = BEAT_SECONDS,
    ) -> None:
        self._engine = engine
        self._schedules = schedules
        self._enqueue = enqueue
        self._beat = beat
        self._done: dict[str, int] = {}
        self._ended = threading.Event()
        self._lost = False
        self._thread = threading.Thread(target=self._run, name="signroom-pulse", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(timeout=self._beat + 5)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._once()
            except sa.exc.SQLAlchemyError as error:
                if not self._lost:
                    log.error("jobs.database_lost", error=type(error).__name__)
                self._lost = True
            else:
                if self._lost:
                    log.warning("jobs.database_back")
                self._lost = False
            self._ended.wait(self._beat)

    def _once(self) -> None:
        for schedule in self._schedules:
            # The same number in every process, whatever its clock says by a second or two; the key makes it one run.
            due = int(time.time() // schedule.every.total_seconds())
            if self._done.get(schedule.name) != due:
                self._enqueue(schedule.name, f"{schedule.name}@{due}")
                self._done[schedule.name] = due
