"""Validation data in an update of their own: what is written is checked, and one wrong thing is found each time."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from signroom.domain.augmentation import ValidationData
from signroom.domain.errors import AugmentationImpossible, VerificationFailed
from signroom.domain.pdf_facts import PdfFacts
from signroom.formats.pdf.lasting.after import facts_after
from signroom.formats.pdf.lasting.store_update import build_store_update, check_store_update, grown
from signroom.formats.pdf.signing.own_update import read_update
from signroom.formats.pdf.signing.tail import build_tail
from tests.formats.pdf.updates import NOW, ROOM, facts_of, filled
from tests.vectors import hard_pdfs
from tests.vectors.lasting_pdfs import KINDS

DATA = ValidationData((b"a certificate", b"another"), (b"a list",), (b"a response",))
MORE = ValidationData((b"another", b"a third"), (), (b"a second response",))


@dataclass(frozen=True)
class Appended:
    """A file with an update of validation data."""

    facts: PdfFacts
    data: ValidationData
    original: bytes
    update: bytes


def appended(content: bytes, folder: Path, data: ValidationData = DATA) -> Appended:
    facts = facts_of(content, folder)
    built = build_store_update(facts, data)
    assert built is not None
    return Appended(facts, data, content, built.appended)


def twice(content: bytes, folder: Path) -> Appended:
    first = appended(content, folder)
    return appended(first.original + first.update, folder, MORE)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_what_is_read_back(tmp_path: Path, kind: str) -> None:
    content = KINDS[kind]()
    for data in (DATA, MORE):
        facts = facts_of(content, tmp_path)
        built = build_store_update(facts, data)
        assert built is not None
        content += built.appended

        found = check_store_update(content, facts, data)

        assert (found.section, found.highest) == (built.update.section, built.update.highest)
        assert built.update.values.items() <= found.values.items()
        assert sorted(grown(facts, data, found).known) == sorted(built.store.known)
        assert grown(facts, data, found).lists == built.store.lists
        assert build_store_update(facts_of(content, tmp_path), data) is None


def _with(pattern: bytes, other: bytes, count: int = 1) -> Callable[[bytes], bytes]:
    return lambda update: re.sub(pattern, other, update, count=count)


def _without_first(found: re.Match[bytes]) -> bytes:
    return found[0].replace(found[1], b" " * len(found[1]))


ONE_THING: dict[str, Callable[[bytes], bytes]] = {
    "the catalog": _with(rb"/Type/Catalog", rb"/Type/Cutulog"),
    "a list that has lost its first": lambda update: re.sub(rb"/Certs +\[(\d+ 0 R)", _without_first, update, count=1),
    "a stream": _with(rb"(stream\n..).", rb"\1\0"),
    "a stream of another kind": _with(rb"/Filter/FlateDecode", rb"/Filter/ASCIIHexxxx"),
    "the store": _with(rb"/Type/DSS", rb"/Type/DSX"),
    "something behind it": lambda update: update + b"\n",
    "the previous section": _with(rb"/Prev \d", rb"/Prev 9"),
    "nothing": lambda _: b"",
}


@pytest.mark.parametrize("make", [appended, twice])
@pytest.mark.parametrize("what", ONE_THING)
def test_one_thing_is_wrong(tmp_path: Path, what: str, make: Callable[[bytes, Path], Appended]) -> None:
    right = make(KINDS["table"](), tmp_path)
    wrong = ONE_THING[what](right.update)
    if wrong == right.update:  # the catalog is written once
        assert (what, make) == ("the catalog", twice)
        return

    check_store_update(right.original + right.update, right.facts, right.data)
    with pytest.raises(VerificationFailed):
        check_store_update(right.original + wrong, right.facts, right.data)


@pytest.mark.parametrize(
    "other", [ValidationData(), MORE, replace(DATA, lists=()), replace(DATA, certificates=(b"another",))]
)
def test_other_data_than_were_wanted_are_found(tmp_path: Path, other: ValidationData) -> None:
    right = appended(KINDS["table"](), tmp_path)

    with pytest.raises(VerificationFailed):
        check_store_update(right.original + right.update, right.facts, other)


@pytest.mark.parametrize("store", [b"/DSS 99 0 R", b"/DSS[]", b"/DSS<</Certs[1 2]>>", b"/DSS<</Certs 7>>"])
def test_a_store_that_cannot_be_read_is_left_alone(tmp_path: Path, store: bytes) -> None:
    content = KINDS["table"]().replace(b"/Type/Catalog", b"/Type/Catalog" + store)

    with pytest.raises(AugmentationImpossible):
        build_store_update(facts_of(content, tmp_path), DATA)


def test_a_signature_is_no_document_timestamp_and_the_other_way_round(tmp_path: Path) -> None:
    content = KINDS["table"]()
    facts = facts_of(content, tmp_path)
    for now, is_timestamp in ((None, True), (NOW, False)):
        whole = filled(content, build_tail(facts, field_name="A", now=now, reserved=ROOM))

        read_update(whole, facts, timestamp=is_timestamp)
        with pytest.raises(VerificationFailed):
            read_update(whole, facts, timestamp=not is_timestamp)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_known_afterwards_is_what_somebody_finds_who_reads_it(tmp_path: Path, kind: str) -> None:
    right = appended(KINDS[kind](), tmp_path)
    whole = right.original + right.update
    update = check_store_update(whole, right.facts, right.data)
    store = grown(right.facts, right.data, update)
    read = facts_of(whole, tmp_path)

    found = facts_after(right.facts, update, length=len(whole), state=read.sha256_state, store=store)

    assert found is not None
    assert (found.changed, found.next_number, found.previous) == (read.changed, read.next_number, read.previous)
    assert (found.catalog, found.taken_in, found.least_size) == (read.catalog, read.taken_in, read.least_size)


def test_a_store_that_unfolds_into_gigabytes_costs_little(tmp_path: Path) -> None:
    bomb = hard_pdfs.deflated(b"", 60 << 20)
    stream = b"<</Filter/FlateDecode/Length %d>>stream\n%b\nendstream" % (len(bomb), bomb)
    names = b" ".join(b"%d 0 R" % number for number in range(4, 24))
    bodies = [b"<</Type/Catalog/Pages 2 0 R/DSS<</Certs[%b]>>>>" % names]
    bodies += [b"<</Type/Pages/Count 1/Kids[3 0 R]>>", b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>"]
    content = hard_pdfs.assemble([*bodies, *[stream] * 20])
    begun = time.process_time()

    facts = facts_of(content, tmp_path)

    assert facts.store is not None
    assert len(facts.store.known) == 1
    assert time.process_time() - begun < 5  # twenty take ten seconds and more
