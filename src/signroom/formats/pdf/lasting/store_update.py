"""Validation data in a PDF: the document security store (EN 319 142-1, 5.4.2), appended as an update.

What the store has stays, and nothing gets in twice, with one exception. Where a signature needs its data behind it and
the store has all of them, the smallest is written once more: DSS looks for a store that is newer than the signature,
and for something new in it. Of the file only the store's dictionary is written again, or the catalog where the store is
new or a part of it.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from signroom.domain.augmentation import ValidationData
from signroom.domain.errors import AugmentationImpossible
from signroom.domain.pdf_facts import PdfFacts, ValidationStore
from signroom.formats.pdf.reading.syntax import Buffer, Dictionary, IndirectObject, Reference, integer, items, reference
from signroom.formats.pdf.reading.writing_encrypted import Encrypter
from signroom.formats.pdf.signing.own_update import (
    CheckedUpdate,
    check_places,
    check_trailer,
    checked,
    fault,
    read_objects,
    read_section,
    require,
    unreadable_is_wrong,
)
from signroom.formats.pdf.signing.plan import STORE_LISTS
from signroom.formats.pdf.signing.tail import Writer, cross_reference

_DSS = "DSS"


@dataclass(frozen=True, slots=True)
class StoreUpdate:
    """An update with validation data, ready to be appended."""

    appended: bytes
    update: CheckedUpdate
    store: ValidationStore
    """As it is then."""


def build_store_update(facts: PdfFacts, data: ValidationData, *, behind: bool = False) -> StoreUpdate | None:
    """None when the file has all of it. With `behind` the smallest is written all the same.

    Raises: AugmentationImpossible when the store that the file has cannot be read.
    """
    before = _require_store(facts)
    wanted = _wanted(before, data, behind=behind)
    if not wanted:
        return None
    start = b"" if facts.ends_line else b"\n"
    writer = Writer(facts.length + len(start))
    number = facts.next_number
    new: dict[str, list[bytes]] = {name: [] for name in STORE_LISTS}
    values: dict[int, bytes] = {}
    for name, der in wanted:
        writer.add(number, Encrypter(facts.encryption, number).value(_stream(der)))
        new[name].append(bytes(Reference(number)))
        number += 1
    place, value = _with_lists(before, new)
    added = _digests(der for _, der in wanted)
    if before is None:
        place = (number, 0)
        number += 1
    store = ValidationStore(place, value, _lists(value), (*(() if before is None else before.known), *added))
    written = _written(facts, store, is_new=before is None)
    for at, (generation, raw) in sorted(written.items()):
        writer.add(at, raw, generation)
        values[at] = raw
    section = cross_reference(facts, writer, number)
    appended = start + bytes(writer.data) + section
    at = int(section.rstrip().splitlines()[-2])
    highest = max(number - 1, *written, number if _has_stream(section) else 0)
    return StoreUpdate(appended, CheckedUpdate(at, highest, values), store)


def _has_stream(section: bytes) -> bool:
    """The section has an object of its own."""
    return not section.startswith(b"xref\n")


def _digests(octets: Iterable[bytes]) -> tuple[bytes, ...]:
    return tuple(hashlib.sha256(one).digest() for one in octets)


def _require_store(facts: PdfFacts) -> ValidationStore | None:
    if facts.catalog is None or (facts.store is None and Dictionary(facts.catalog).get(_DSS) is not None):
        raise AugmentationImpossible("Its validation data cannot be read, so none can be added.")
    return facts.store


def _listed(data: ValidationData) -> list[tuple[str, bytes]]:
    found = zip(STORE_LISTS, (data.certificates, data.lists, data.responses), strict=True)
    return [(name, der) for name, ders in found for der in dict.fromkeys(ders)]


def _wanted(before: ValidationStore | None, data: ValidationData, *, behind: bool) -> list[tuple[str, bytes]]:
    """What is written, each with the name of its list."""
    known, listed = set() if before is None else set(before.known), _listed(data)
    missing = [(name, der) for name, der in listed if hashlib.sha256(der).digest() not in known]
    if missing or not behind or not listed:
        return missing
    return [min(listed, key=lambda one: len(one[1]))]


def _stream(der: bytes) -> bytes:
    data = zlib.compress(der, 6)
    return b"<</Filter/FlateDecode/Length %d>>stream\n%b\nendstream" % (len(data), data)


def _with_lists(before: ValidationStore | None, new: Mapping[str, list[bytes]]) -> tuple[tuple[int, int] | None, bytes]:
    """Where the store is, and its dictionary with longer lists."""
    kept = {} if before is None else dict(before.lists)
    value = b"<</Type/DSS>>" if before is None else before.value
    for name in STORE_LISTS:
        if new[name]:
            value = Dictionary(value).with_entry(name, b"[%b]" % b" ".join((*kept.get(name, ()), *new[name])))
    return None if before is None else before.place, value


def _lists(value: bytes) -> tuple[tuple[str, tuple[bytes, ...]], ...]:
    found = Dictionary(value)
    return tuple((name, tuple(items(found.get(name) or b"[]"))) for name in STORE_LISTS)


def _written(facts: PdfFacts, store: ValidationStore, *, is_new: bool) -> dict[int, tuple[int, bytes]]:
    """The objects that are written beside the streams: number -> generation and value."""
    root = reference(dict(facts.trailer).get("Root"))
    if root is None or facts.catalog is None:
        raise AugmentationImpossible
    catalog = Dictionary(facts.catalog)
    if store.place is None:
        return {root.number: (root.generation, catalog.with_entry(_DSS, store.value))}
    number, generation = store.place
    found = {number: (generation, store.value)}
    if is_new:
        found[root.number] = (root.generation, catalog.with_entry(_DSS, bytes(Reference(number))))
    return found


def grown(facts: PdfFacts, data: ValidationData, update: CheckedUpdate, *, behind: bool = False) -> ValidationStore:
    """The store once `update`, which was checked, is there."""
    before = facts.store
    known = () if before is None else before.known
    added = _digests(der for _, der in _wanted(before, data, behind=behind))
    root = reference(dict(facts.trailer).get("Root")) or Reference(0)
    place = None if before is None else before.place
    if before is None or place is None:
        raw = Dictionary(update.values[root.number]).get(_DSS) or b""
        target = reference(raw)
        place = None if target is None else (target.number, target.generation)
        value = raw if target is None else update.values[target.number]
    else:
        value = update.values[place[0]]
    return ValidationStore(place, value, _lists(value), (*known, *added))


# -- the check -------------------------------------------------------------------------------------


def check_store_update(buffer: Buffer, facts: PdfFacts, data: ValidationData, *, behind: bool = False) -> CheckedUpdate:
    """The update that was written has the data that were wanted and changes nothing else.

    It is read back as a stranger reads it. Raises: VerificationFailed.
    """
    with unreadable_is_wrong():
        return _check(buffer, facts, data, behind=behind)


def _check(buffer: Buffer, facts: PdfFacts, data: ValidationData, *, behind: bool) -> CheckedUpdate:
    section = read_section(buffer, facts)
    check_trailer(facts, section)
    objects = read_objects(buffer, facts, section)
    root = reference(dict(facts.trailer).get("Root")) or Reference(0)
    old = facts.store
    again = {number: objects[number] for number in objects if number < facts.next_number}
    owner = root if old is None or old.place is None else Reference(*old.place)
    check_places(facts, section, {owner.number: owner.generation})
    require(list(again) == [owner.number], "an object was written again that nobody asked for")
    if owner == root:
        catalog = Dictionary(again[root.number].value)
        _require_same(Dictionary(facts.catalog or b"<<>>"), catalog, {_DSS})
        named = catalog.get(_DSS) or b""
        target = reference(named)
        store = Dictionary(named if target is None else objects[target.number].value)
    else:
        store = Dictionary(again[owner.number].value)
    before = Dictionary(b"<</Type/DSS>>" if old is None else old.value)
    _require_same(before, store, set(STORE_LISTS))
    found: list[tuple[str, bytes]] = []
    for name in STORE_LISTS:
        kept = () if old is None else dict(old.lists).get(name, ())
        now = items(store.get(name) or b"[]")
        require(tuple(now[: len(kept)]) == kept, f"/{name} has lost something")
        for one in now[len(kept) :]:
            target = reference(one)
            if target is None or target.number < facts.next_number:
                raise fault(f"/{name} has something that is not in the update")
            found.append((name, _content(buffer, facts, section.places[target.number].offset, objects[target.number])))
    wanted = _wanted(old, data, behind=behind)
    if facts.encryption is None:
        require(found == wanted, "the validation data are not those that were to be written")
    require(len(found) == len(wanted), "the validation data are not those that were to be written")
    return checked(section, objects)


def _content(buffer: Buffer, facts: PdfFacts, at: int, found: IndirectObject) -> bytes:
    """What is in a stream; of an encrypted file as it stands there."""
    if found.stream_at is None or at < facts.length:
        raise fault("what validates the signature is no stream")
    dictionary = Dictionary(found.value)
    right = sorted(dictionary.names()) == ["Filter", "Length"] and dictionary.get("Filter") == b"/FlateDecode"
    require(right, "what validates the signature is no stream of its own kind")
    data = bytes(buffer[found.stream_at : found.stream_at + (integer(dictionary.get("Length")) or 0)])
    return data if facts.encryption is not None else _inflated(data)


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompress(data)
    except zlib.error as error:
        raise fault("what validates the signature cannot be read") from error


def _require_same(old: Dictionary, new: Dictionary, but: set[str]) -> None:
    for name in {*old.names(), *new.names()} - but:
        require(old.get(name) == new.get(name), f"/{name} was changed")
    for name in but:
        require(new.names().count(name) <= 1, f"/{name} is there twice")
