"""How far signatures of other programs have come."""

from __future__ import annotations

import shutil
from pathlib import Path

from signroom.domain.augmentation import TimestampUse
from signroom.domain.level import Level
from signroom.formats.cms import format as cms_format
from tests.formats.cms.lasting.raised import raise_level, to_archive
from tests.harness.server import ROOT
from tests.pki import three_tiers
from tests.pki.three_tiers import NOW

ARCHIVED = ROOT / "tests" / "vectors" / "cms" / "archived_by_dss.p7m"
"""Signed over three tiers of authorities. DSS 6.4 has raised it from B-B to B-LTA, with SHA-512."""
USES = [TimestampUse.SIGNATURE, TimestampUse.ARCHIVE]


def test_what_dss_archived_is_read_as_it_reads_what_we_archive(tmp_path: Path) -> None:
    (found,) = cms_format.read_levels(ARCHIVED, None).signatures

    assert found.level is Level.B_LTA
    assert [(one.use, one.intact) for one in found.timestamps] == [(use, True) for use in USES]

    file = tmp_path / "archived.p7m"
    shutil.copyfile(ARCHIVED, file)
    raise_level(file, to_archive(found.value, three_tiers.data_of_stamper(NOW)))

    (again,) = cms_format.read_levels(file, None).signatures
    assert again.timestamps[:2] == found.timestamps
    assert again.timestamps[2].intact


def test_an_archive_timestamp_over_what_is_not_there_any_more_is_not_intact(tmp_path: Path) -> None:
    """A list that the hash index names was taken out: the rest of the file is well formed."""
    found = cms_format.read_levels(ARCHIVED, None)
    file = tmp_path / "without.p7m"
    octets = ARCHIVED.read_bytes()
    gone = found.data.lists[0]
    file.write_bytes(octets.replace(gone, gone[:-1] + bytes([gone[-1] ^ 1]), 1))

    (changed,) = cms_format.read_levels(file, None).signatures
    assert [(one.use, one.intact) for one in changed.timestamps] == [(USES[0], True), (USES[1], False)]
