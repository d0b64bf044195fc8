"""What every forked process would read or load again. Imported once, last, by the process that they are forked from."""

from __future__ import annotations

import gc
import importlib

import httpx

from signroom.fetch import guarded
from signroom.sandbox import worker
from signroom.store.schema import known_revisions
from signroom.timestamps import authorities
from tests.harness.authorities import read_authorities_once

for library in worker.LIBRARIES:
    importlib.import_module(library)
known_revisions()
# The authorities of the machine: each reading takes 30 ms of the processor.
guarded._system_tls()  # noqa: SLF001  (kept, as is the next, for all calls of a process)
authorities._shared_tls()  # noqa: SLF001
read_authorities_once()
for trust_env in (True, False):
    httpx.Client(trust_env=trust_env).close()
# None of it is garbage: a forked process does not search it, and so shares its memory.
gc.collect()
gc.freeze()
