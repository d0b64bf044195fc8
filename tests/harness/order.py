"""In which order test files are begun, and how many workers are worth their start.

Workers take whole files (``--dist loadfile``). A long file that is begun last would keep one worker busy while the
others have nothing left to do, so the longest are begun first.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

SECONDS = {
    "tests/formats/pdf/test_cases.py": 60,
    "tests/service/sessions/test_one_moment.py": 30,
    "tests/formats/pdf/signing/test_own_update.py": 25,
    "tests/formats/pdf/earlier/test_changes.py": 25,
    "tests/journeys/test_webhooks.py": 60,
    "tests/journeys/test_crash.py": 60,
    "tests/upgrade/test_roll_out.py": 40,
    "tests/ports/test_jobs.py": 65,
    "tests/jobs/test_leases.py": 60,
    "tests/journeys/test_key_sources.py": 35,
    "tests/cli/test_commands.py": 50,
    "tests/faults/test_object_store.py": 45,
    "tests/journeys/test_accessibility.py": 36,
    "tests/journeys/test_signing.py": 32,
    "tests/soak/test_load.py": 40,
    "tests/examples/test_samples.py": 39,
    "tests/api/test_description.py": 38,
    "tests/sandbox/test_pool.py": 36,
    "tests/http/test_proxies.py": 34,
    "tests/journeys/test_flow.py": 18,
    "tests/journeys/test_large.py": 40,
    "tests/service/sessions/test_waiting.py": 30,
    "tests/journeys/test_page_faults.py": 25,
    "tests/wire/test_bad_input.py": 28,
    "tests/cli/managing/test_page_settings.py": 6,
    "tests/journeys/test_pfx_matrix.py": 35,
    "tests/client/test_uploads.py": 23,
    "tests/page/test_file_validation.py": 22,
    "tests/wire/test_contract.py": 22,
    "tests/cli/test_worker.py": 20,
    "tests/journeys/test_machines.py": 12,
    "tests/page/test_bad_input.py": 17,
    "tests/api/resources/test_applications.py": 16,
    "tests/faults/test_database.py": 16,
    "tests/journeys/test_review.py": 20,
    "tests/client/test_retries.py": 14,
    "tests/journeys/test_hundred.py": 18,
    "tests/cli/test_listen.py": 16,
    "tests/fetch/test_guarded.py": 13,
    "tests/trust/test_paths.py": 14,
    "tests/cli/test_robot.py": 12,
    "tests/client/test_sessions.py": 12,
    "tests/formats/xml/test_verification.py": 12,
    "tests/http/test_health.py": 12,
    "tests/service/signing/test_processed_twice.py": 12,
    "tests/journeys/test_attacks.py": 11,
    "tests/journeys/test_certificates.py": 10,
    "tests/service/webhooks/test_deliver_webhook.py": 14,
    "tests/cli/test_doctor.py": 10,
    "tests/journeys/test_subscription_settings.py": 15,
    "tests/api/resources/test_reads.py": 8,
    "tests/journeys/test_operators_day.py": 35,
    "tests/journeys/test_everything_lost.py": 22,
    "tests/service/erasing/test_delete_tenants.py": 23,
    "tests/page/test_floods.py": 19,
    "tests/service/keeping/test_restore_backup.py": 14,
    "tests/journeys/test_change_of_key.py": 14,
    "tests/journeys/test_left_out.py": 13,
    "tests/page/test_previews.py": 20,
    "tests/habits/test_guide.py": 12,
    "tests/journeys/test_erasure.py": 12,
    "tests/journeys/test_requirements.py": 11,
    "tests/api/resources/test_webhooks.py": 10,
    "tests/api/resources/test_sessions.py": 10,
    "tests/service/erasing/test_erase.py": 10,
    "tests/journeys/test_nothing_secret.py": 10,
    "tests/soak/test_files.py": 10,
    "tests/api/resources/test_managed_applications.py": 10,
    "tests/ports/test_store.py": 9,
    "tests/journeys/test_hand_over.py": 9,
    "tests/service/maintenance/test_what_time_does.py": 9,
    "tests/cli/test_data_folder.py": 13,
    "tests/fuzz/test_fuzz.py": 10,
    "tests/service/subscriptions/test_disable_tenants.py": 10,
    "tests/wire/test_requests.py": 9,
    "tests/service/keeping/test_back_up.py": 9,
    "tests/formats/pdf/earlier/test_revisions.py": 8,
    "tests/api/resources/test_preflight.py": 8,
    "tests/verifiers/test_signed_pdf.py": 8,
    "tests/api/resources/test_local_signature.py": 8,
    "tests/api/test_unknown_fields.py": 7,
    "tests/api/test_odd_texts.py": 7,
    "tests/formats/pdf/reading/test_syntax.py": 7,
}
"""The longest files, and about how long they take on two idle cores. What is not listed takes less.

It need not be exact: it only says who is begun first. ``pytest --durations=0`` gives the figures.
"""
SECONDS_OF_OTHERS = 3
SECONDS_PER_WORKER = 20
"""Another worker is started for so much work. Its start and its own servers cost some seconds."""
Item = TypeVar("Item")


def longest_first(items: Iterable[Item], file_of: Callable[[Item], str]) -> list[Item]:
    """The items sorted by the time that their file takes; items of one file stay together, in their order."""
    places: dict[str, list[Item]] = {}
    for item in items:
        places.setdefault(file_of(item), []).append(item)
    files = sorted(places, key=lambda file: -SECONDS.get(file, 0))
    return [item for file in files for item in places[file]]


def useful_workers(root: Path, arguments: Sequence[str], cores: int) -> int:
    """How many workers are worth their start for the files and folders in `arguments`; 0 for none but pytest itself."""
    files = {file for argument in arguments for file in _files(root, root / argument.partition("::")[0])}
    work = sum(SECONDS.get(file, SECONDS_OF_OTHERS) for file in files)
    workers = min(cores, len(files), work // SECONDS_PER_WORKER)
    return workers if workers > 1 else 0


def cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0))


def most_workers() -> int:
    """Two more than there are processors: half of the time a test waits for a server, a browser or a clock."""
    return cores() + 2


def _files(root: Path, place: Path) -> set[str]:
    found = place.rglob("test_*.py") if place.is_dir() else [place]
    return {file.resolve().relative_to(root).as_posix() for file in found if file.resolve().is_relative_to(root)}
