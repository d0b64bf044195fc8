"""Rows to nouns in many threads: the first moments of a process that has much to catch up with."""

from __future__ import annotations

import subprocess
import sys

import pytest

from signroom.domain.signature import (
    NO_OPTIONS,
    CmsOptions,
    DigestValue,
    OptionsByType,
    PdfOptions,
    SigningOptions,
    XmlInsertion,
    XmlLocation,
    XmlOptions,
)
from signroom.store import rows

TRIES = 4
"""Without the lock nearly each one failed."""
FIRST_USE = """
import sys, threading
from signroom.domain.metadata import Metadata
from signroom.domain.preflight import Finding
from signroom.domain.requirement import CertificateRequirement
from signroom.domain.signature import NO_OPTIONS, Verdict
from signroom.store import rows

sys.setswitchinterval(1e-6)
stored = [
    (rows.StoredOptions, rows.packed_options(NO_OPTIONS)),
    (Verdict, rows.packed(Verdict(()))),
    (tuple[CertificateRequirement, ...], b"[]"),
    (tuple[Finding, ...], b"[]"),
    (Metadata, b"[]"),
]
together = threading.Barrier(8)

def read(turn):
    together.wait()
    for kind, value in stored[turn % 5:] + stored[:turn % 5]:
        rows.unpacked_as(kind, value)

threads = [threading.Thread(target=read, args=(turn // 2,)) for turn in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_the_first_look_at_a_type_may_come_from_many_threads_at_once() -> None:
    """Once a process died of it (SIGSEGV), now and then, in its first second."""
    for _ in range(TRIES):
        assert subprocess.run([sys.executable, "-c", FIRST_USE], check=False, timeout=60).returncode == 0


NO_POLICIES = b',"pdf_signature_policy":null,"cms_signature_policy":null,"xml_signature_policy":null}'
NO_TIERS = b',"pdf_timestamp_tier":null,"cms_timestamp_tier":null,"xml_timestamp_tier":null' + NO_POLICIES
NO_LEVELS = b',"pdf_level":null,"cms_level":null,"xml_level":null' + NO_TIERS
EMPTY = b'{"detached":false,"data_hashes":[],"xml_element_id":null,"xml_location":null,"appearance":null' + NO_LEVELS


@pytest.mark.parametrize(
    ("options", "stored"),
    [
        (NO_OPTIONS, EMPTY),
        (PdfOptions(), EMPTY),
        (XmlOptions(), EMPTY),
        (
            CmsOptions(detached=True, data_hashes=(DigestValue("SHA256", b"1234"),)),
            b'{"detached":true,"data_hashes":[{"algorithm":"SHA256","value":"MTIzNA=="}],'
            b'"xml_element_id":null,"xml_location":null,"appearance":null' + NO_LEVELS,
        ),
        (
            XmlOptions("total", XmlLocation("/a", (("p", "urn:a"),), XmlInsertion.PREPEND_CHILD)),
            b'{"detached":false,"data_hashes":[],"xml_element_id":"total","xml_location":'
            b'{"xpath":"/a","namespaces":[["p","urn:a"]],"insertion":"PrependChild"},"appearance":null' + NO_LEVELS,
        ),
    ],
)
def test_options_are_stored_as_every_version_reads_them(options: OptionsByType | SigningOptions, stored: bytes) -> None:
    assert rows.packed_options(options) == stored
    by_type = rows.options_of(stored)
    assert options in {by_type, by_type.pdf, by_type.cms, by_type.xml}


def test_a_version_that_knew_no_levels_or_no_tiers_has_stored_options_without_them() -> None:
    for later in (NO_LEVELS, NO_TIERS, NO_POLICIES):
        assert rows.options_of(EMPTY.replace(later, b"}")) == NO_OPTIONS


def test_an_earlier_version_kept_options_of_all_types_with_every_document() -> None:
    stored = EMPTY.replace(b"false", b"true").replace(b'"xml_element_id":null', b'"xml_element_id":"total"')

    assert rows.options_of(stored) == OptionsByType(PdfOptions(), CmsOptions(detached=True), XmlOptions("total"))
    assert rows.options_of(b"{}") == NO_OPTIONS


def test_a_session_keeps_its_options_for_files_of_every_type() -> None:
    options = OptionsByType(cms=CmsOptions(detached=True), xml=XmlOptions("total"))

    assert rows.options_of(rows.packed_options(options)) == options
