"""B-T, B-LT and B-LTA on top of a signature, in processor time and bytes, beside a floor, DSS and pyHanko.

All do it in the same run, in turns. The timestamp authority answers at once, in this process; its own work is left out.
Each file has a process of its own.

- The floor of a PDF and of a CMS object is one SHA-256 pass and one copy, which each of the steps would take if it read
  the file. That of XML is one canonical form and one SHA-256 of it; before that the file must be parsed, once at least,
  which has a column of its own. An archive timestamp of XML is about the canonical form of all that is signed, and the
  file itself is hashed and written: XML forces a pass over the file, whoever raises it.
- The EU's DSS raises the same files, with the same data (`bench/extender.py`).
- pyHanko gets the same data and the same tokens. CMS and XML files it does not raise.

`python -m bench.levels [--most BYTES] [--only WORD]`: files of up to so many bytes of content, and those whose name has
the word in it.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import multiprocessing
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bench import extender, pades

ROUNDS = 5
_PEER_ROUNDS = 3
_WIDTHS = (17, 7, *(12,) * 10)
_HEAD = (
    "file",
    "level",
    "floor",
    "parse once",
    "ours",
    "bytes",
    "/ floor",
    "DSS",
    "bytes",
    "ours / DSS",
    "pyHanko",
    "/ pyHanko",
)
_OTHERS = [
    (kind, size)
    for kind, sizes in {"cms": (50 << 10, 1 << 20, 100 << 20), "xml": (50 << 10, 1 << 20, 10 << 20)}.items()
    for size in sizes
]
"""Bytes of the content."""
_JUDGED = 50 << 10
"""Bytes of the content of the files whose copies of DSS are judged: one of each form."""
_FORMS = {"cms": "CAdES", "xml": "XAdES"}


def main(arguments: Sequence[str] = ()) -> None:
    """Print a row per file and level: the least milliseconds of the processor that it takes, network excluded."""
    parser = argparse.ArgumentParser(prog="python -m bench.levels")
    parser.add_argument("--most", type=int, default=100 << 20, help="bytes of content")
    parser.add_argument("--only", default="", help="a word in the name of the file, or cms, or xml")
    chosen = parser.parse_args(arguments)
    _print(_HEAD)
    rows: list[tuple[Callable[..., _Table], tuple[Any, ...]]] = [
        *((of_pdf, (name,)) for name in pades.FILES if chosen.only in name and _size_of(name) <= chosen.most),
        *((of_other, one) for one in _OTHERS if chosen.only in one[0] and one[1] <= chosen.most),
    ]
    failures: list[str] = []
    judged: list[str] = []
    for make, of in rows:
        with multiprocessing.get_context("spawn").Pool(1) as process:
            table = process.apply(make, of)
        for cells in table.cells:
            _print(cells)
        failures += table.failures
        judged += table.judged
    print("T: more than B-B, at signing; DSS raises a file of level B-B. LT and LTA: of level B-T before, laid out and")
    print("written. again: LTA once more. DSS judges path and revocation data, too; here that is done before.")
    print("XML is parsed and brought into its canonical form, whoever raises it: parse once and floor. Ours makes a")
    print("second tree where the signature is in what it signs, as here.")
    if judged:
        print(f"What DSS made is valid and of that level, says its validation, of: {', '.join(judged)}.")
    print(*failures, sep="\n", end="\n" if failures else "")


def _print(cells: Sequence[str]) -> None:
    print("".join(f"{cell:>{width}}" for cell, width in zip(cells, _WIDTHS, strict=True)), flush=True)


def _size_of(name: str) -> int:
    """Bytes of a PDF that is named after them; 0 for others."""
    number, _, unit = name.partition(" ")
    return int(number) << {"KB": 10, "MB": 20}[unit] if unit in {"KB", "MB"} else 0


@dataclass
class _Table:
    cells: list[tuple[str, ...]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    judged: list[str] = field(default_factory=list)
    """The levels of this file that DSS made, and its validation found to be so."""


@dataclass
class _Times:
    """Milliseconds of the processor of each thing that was measured, by its name, and bytes that a level adds."""

    taken: dict[str, list[float]] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)

    def measure(self, name: str, work: Callable[[], Any]) -> Any:
        with self.measuring(name):
            return work()

    @contextmanager
    def measuring(self, name: str) -> Iterator[None]:
        begun = time.process_time()
        yield
        self.taken.setdefault(name, []).append((time.process_time() - begun) * 1000)

    def least(self, name: str) -> float:
        return min(self.taken[name])

    def table(self, file: str, dss: extender.Extender) -> _Table:
        """A row per level."""
        table = _Table(judged=[f"{file} {level}" for level in dss.judged])
        table.failures = [
            f"DSS, {file}, {level}: {reason}" for level, reason in dss.reasons.items() if reason != "not run"
        ]
        floor = self.least("floor")
        ours = {
            "T": max(0.0, self.least("stamped") - self.least("plain")),  # smaller than what varies, where it is 0
            **{level: self.least(level) for level in ("LT", "LTA", "again")},
        }
        for level, spent in ours.items():
            theirs = dss.least(level)
            told = "-" if level == "again" else dss.reasons.get(level, "not run")
            told = told if len(told) < min(_WIDTHS[2:]) else "failed"
            pyhanko = self.taken.get(f"pyHanko {level}")
            table.cells.append(
                (
                    file,
                    level,
                    f"{floor:.1f}",
                    f"{self.least('parse'):.1f}" if "parse" in self.taken else "-",
                    f"{spent:.1f}",
                    str(self.lengths[level]),
                    f"{spent / floor:.2f}",
                    told if theirs is None else f"{theirs:.1f}",
                    told if theirs is None else str(dss.lengths[level]),
                    told if theirs is None else f"{spent / theirs:.2g}",
                    "-" if pyhanko is None else f"{min(pyhanko):.1f}",
                    "-" if pyhanko is None else f"{spent / min(pyhanko):.2g}",
                )
            )
        return table


@dataclass
class _Files:
    """In a folder of their own: what is signed, B-B, B-T, and the one that is raised."""

    folder: Path
    original: Path
    plain: Path
    stamped: Path
    work: Path

    @classmethod
    def within(cls, folder: Path) -> _Files:
        return cls(folder, *(folder / name for name in ("original", "plain", "stamped", "work")))


def of_pdf(name: str) -> _Table:
    from signroom.domain.augmentation import TimestampUse
    from signroom.domain.signature import DigestAlgorithm
    from signroom.formats.pdf import format as pdf
    from tests.pki import three_tiers
    from tests.vectors import lasting_pdfs

    data, times = lasting_pdfs.all_data("rsa2048"), _Times()
    with tempfile.TemporaryDirectory() as place, extender.running("PAdES", Path(place), data) as dss:
        files = _Files.within(Path(place))
        pades.FILES[name](files.original)
        prepared, checked, reading = lasting_pdfs.prepare(files.original)
        token = three_tiers.stamp(pdf.signature_imprint(prepared, checked, DigestAlgorithm.SHA256))

        def sign(target: Path, timestamp: bytes | None) -> Any:
            return pdf.sign(
                files.original, prepared, checked, target, content=None, reading=reading, timestamp=timestamp
            )

        def once() -> None:
            times.measure("floor", lambda: _hash_and_copy(files.original, files.work))
            times.measure("plain", lambda: sign(files.plain, None))
            done = times.measure("stamped", lambda: sign(files.stamped, token))
            step = partial(_step, times, files.work, pdf)
            shutil.copyfile(files.stamped, files.work)
            step("LT", step=(None, data), reading=done.reading)
            shutil.copyfile(files.stamped, files.work)
            archived = step("LTA", step=(TimestampUse.ARCHIVE, data), reading=done.reading)
            step("again", step=(TimestampUse.ARCHIVE, data), reading=archived.reading)

        def pyhanko() -> None:
            shutil.copyfile(files.stamped, files.work)
            with times.measuring("pyHanko LTA"):
                times.measure("pyHanko LT", lambda: _pyhanko_data(files.work, data))
                _pyhanko_stamp(files.work)

        _in_turns(once, dss, files, judged=name == "50 KB", other=pyhanko)
        times.lengths["T"] = files.stamped.stat().st_size - files.plain.stat().st_size
    return times.table(name, dss)


def of_other(kind: str, size: int) -> _Table:
    """A CMS object with its content inside, or an XML file with one signature."""
    from signroom.domain.augmentation import TimestampUse
    from signroom.domain.signature import ATTACHED, WHOLE_DOCUMENT, DigestAlgorithm, TrustedChain
    from signroom.formats.cms import format as cms
    from signroom.formats.values import check_values
    from signroom.formats.xml import format as xml
    from tests.pki import three_tiers

    form: Any = cms if kind == "cms" else xml
    data, times = three_tiers.data_of_signer("rsa2048") + three_tiers.data_of_stamper(), _Times()
    signer, sha256 = three_tiers.signer("rsa2048"), DigestAlgorithm.SHA256
    with tempfile.TemporaryDirectory() as place, extender.running(_FORMS[kind], Path(place), data) as dss:
        files = _Files.within(Path(place))
        line = b"<line>" + b"x" * 87 + b"</line>\n"
        files.original.write_bytes(b"<lines>" + line * (size // len(line)) + b"</lines>")
        prepared = form.prepare(
            files.original,
            ATTACHED if kind == "cms" else WHOLE_DOCUMENT,
            TrustedChain(signer.chain),
            algorithm=sha256,
            now=three_tiers.NOW,
            data=None,
            reading=None,
            timestamp_room=0,
        )
        (checked,) = check_values([prepared.claimed(signer.sign(prepared.to_sign))])
        token = three_tiers.stamp(form.signature_imprint(prepared, checked, sha256))

        def sign(target: Path, timestamp: bytes | None) -> Any:
            return form.sign(files.original, prepared, checked, target, content=None, reading=None, timestamp=timestamp)

        def once() -> None:
            if kind == "cms":
                times.measure("floor", lambda: _hash_and_copy(files.original, files.work))
            else:
                tree = times.measure("parse", lambda: _parsed(files.original))
                times.measure("floor", lambda: _hash_canonical(tree))
            times.measure("plain", lambda: sign(files.plain, None))
            times.measure("stamped", lambda: sign(files.stamped, token))
            step = partial(_step, times, files.work, form)
            shutil.copyfile(files.stamped, files.work)
            step("LT", step=(None, data, checked.value), reading=None)
            shutil.copyfile(files.stamped, files.work)
            step("LTA", step=(TimestampUse.ARCHIVE, data, checked.value), reading=None)
            step("again", step=(TimestampUse.ARCHIVE, data, checked.value), reading=None)

        _in_turns(once, dss, files, judged=size == _JUDGED)
        times.lengths["T"] = files.stamped.stat().st_size - files.plain.stat().st_size
    return times.table(f"{kind} {size / (1 << 20):.3g} MB", dss)


def _in_turns(
    once: Callable[[], None],
    dss: extender.Extender,
    files: _Files,
    *,
    judged: bool,
    other: Callable[[], None] | None = None,
) -> None:
    """Ours and the peers, so that the machine's moods meet all of them."""
    once()
    begins: Mapping[str, Path] = {"T": files.plain, "LT": files.stamped, "LTA": files.stamped}
    dss.warm(begins)
    for number in range(ROUNDS):
        once()
        if number < _PEER_ROUNDS:
            for level, file in begins.items():
                dss.measure(level, file)
            if other is not None:
                other()
    if judged:
        dss.require_levels()


def _step(times: _Times, work: Path, form: Any, level: str, *, step: tuple[Any, ...], reading: Any) -> Any:
    """Lay out and write, without what the authority does."""
    from signroom.domain.augmentation import Augmentation
    from tests.pki import three_tiers

    length = work.stat().st_size
    begun = time.process_time()
    laid_out = form.lay_out_augmentation(work, Augmentation(*step), now=three_tiers.NOW, data=None, reading=reading)
    half = time.process_time() - begun
    token = None if laid_out.imprint is None else three_tiers.stamp(laid_out.imprint)
    begun = time.process_time()
    done = form.augment(work, laid_out, token=token, data=None, reading=reading)
    times.taken.setdefault(level, []).append((half + time.process_time() - begun) * 1000)
    times.lengths[level] = done.stored.length - length
    return done


def _hash_and_copy(file: Path, copy: Path) -> None:
    shutil.copyfile(file, copy)
    with file.open("rb") as stream:
        hashlib.file_digest(stream, "sha256")


def _parsed(file: Path) -> Any:
    from lxml import etree  # type: ignore[import-untyped]

    parser = etree.XMLParser(resolve_entities=False, no_network=True, collect_ids=False)
    return etree.fromstring(file.read_bytes(), parser).getroottree()


def _hash_canonical(tree: Any) -> None:
    from lxml import etree

    hashlib.sha256(etree.tostring(tree, method="c14n", exclusive=True, with_comments=False)).digest()


def _pyhanko_data(file: Path, data: Any) -> None:
    from asn1crypto import crl, ocsp, x509
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign.validation.dss import DocumentSecurityStore

    with file.open("r+b") as stream:
        writer = IncrementalPdfFileWriter(stream, strict=False)
        DocumentSecurityStore.supply_dss_in_writer(
            writer,
            None,
            certs=[x509.Certificate.load(one) for one in data.certificates],
            crls=[crl.CertificateList.load(one) for one in data.lists],
            ocsps=[ocsp.OCSPResponse.load(one) for one in data.responses],
        )
        writer.write_in_place()


def _pyhanko_stamp(file: Path) -> None:
    from asn1crypto import cms, tsp
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign.signers.pdf_signer import PdfTimeStamper
    from pyhanko.sign.timestamps import TimeStamper

    from tests.pki import three_tiers

    class Authority(TimeStamper):
        async def async_request_tsa_response(self, req: Any) -> Any:
            token = three_tiers.stamp(req["message_imprint"]["hashed_message"].native)
            status = {"status": "granted"}
            return tsp.TimeStampResp({"status": status, "time_stamp_token": cms.ContentInfo.load(token)})

    with file.open("r+b") as stream:
        writer = IncrementalPdfFileWriter(stream, strict=False)
        authority: Any = Authority  # pyHanko's has no types
        stamper = PdfTimeStamper(authority(include_nonce=False))
        asyncio.run(
            stamper.async_timestamp_pdf(writer, "sha256", bytes_reserved=24 << 10, in_place=True, chunk_size=1 << 20)
        )


if __name__ == "__main__":
    main(sys.argv[1:])
