"""B-T, B-LT and B-LTA on top of a signature, in processor time and bytes, beside a floor and beside pyHanko.

The timestamp authority answers at once, in this process; its own work is left out. The floor of a PDF and of a CMS
object is one SHA-256 pass and one copy, which each of the steps would take if it read the file. pyHanko gets the same
data and the same tokens. Each file has a process of its own. CMS and XML files have no peer: pyHanko raises neither.

An archive timestamp of XML is about the canonical form of all that is signed, and that of CMS about the digest of the
content: these formats force a pass over the file, whoever raises it. The floor of XML is one canonical form and one
SHA-256 of it; before that the file must be parsed, once at least, which has a column of its own.

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
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bench import pades

ROUNDS = 5
_PEER_ROUNDS = 2
_WIDTH = 17
_HEAD = (
    "file",
    "floor",
    "parse once",
    "B-T",
    "B-LT",
    "bytes",
    "B-LTA",
    "bytes",
    "again",
    "LT / floor",
    "LTA / floor",
    "pyHanko LT",
    "pyHanko LTA",
    "LTA / pyHanko",
)


_OTHERS = [
    (kind, size)
    for kind, sizes in {"cms": (50 << 10, 1 << 20, 100 << 20), "xml": (50 << 10, 1 << 20, 10 << 20)}.items()
    for size in sizes
]
"""Bytes of the content."""


def main(arguments: Sequence[str] = ()) -> None:
    """Print a row per file: the least milliseconds of the processor that a step takes, network excluded."""
    parser = argparse.ArgumentParser(prog="python -m bench.levels")
    parser.add_argument("--most", type=int, default=100 << 20, help="bytes of content")
    parser.add_argument("--only", default="", help="a word in the name of the file, or cms, or xml")
    chosen = parser.parse_args(arguments)
    print("".join(f"{title:>{_WIDTH}}" for title in _HEAD))
    rows: list[tuple[Callable[..., tuple[str, ...]], tuple[Any, ...]]] = [
        *((row, (name,)) for name in pades.FILES if chosen.only in name and _size_of(name) <= chosen.most),
        *((row_of_other, one) for one in _OTHERS if chosen.only in one[0] and one[1] <= chosen.most),
    ]
    for make, of in rows:
        with multiprocessing.get_context("spawn").Pool(1) as process:
            cells = process.apply(make, of)
        print("".join(f"{cell:>{_WIDTH}}" for cell in cells), flush=True)
    print("B-T: more than B-B, at signing. B-LT and B-LTA: laid out and written. again: B-LTA once more.")


def _size_of(name: str) -> int:
    """Bytes of a PDF that is named after them; 0 for others."""
    number, _, unit = name.partition(" ")
    return int(number) << {"KB": 10, "MB": 20}[unit] if unit in {"KB", "MB"} else 0


def row(name: str) -> tuple[str, ...]:
    from signroom.domain.signature import DigestAlgorithm
    from signroom.formats.pdf import format as pdf
    from tests.pki import three_tiers
    from tests.vectors import lasting_pdfs

    data = lasting_pdfs.all_data("rsa2048")
    with tempfile.TemporaryDirectory() as place:
        file, signed, work = (Path(place) / part for part in ("file.pdf", "signed.pdf", "work.pdf"))
        pades.FILES[name](file)
        prepared, checked, reading = lasting_pdfs.prepare(file)
        token = three_tiers.stamp(pdf.signature_imprint(prepared, checked, DigestAlgorithm.SHA256))

        def sign(timestamp: bytes | None) -> Any:
            return pdf.sign(file, prepared, checked, signed, content=None, reading=reading, timestamp=timestamp)

        def restore() -> None:
            shutil.copyfile(signed, work)

        floor, _ = _least(lambda: _hash_and_copy(file, work))
        plain, _ = _least(lambda: sign(None))
        stamped, done = _least(lambda: sign(token))
        length, known = signed.stat().st_size, done.reading
        with_data, lt = _step(work, (None, data), known, restore)
        archived, lta = _step(work, (lasting_pdfs.ARCHIVE, data), known, restore)
        again, _ = _step(work, (lasting_pdfs.ARCHIVE, data), lta.reading, lambda: None, once=True)
        their_data, _ = _least(lambda: _pyhanko_data(work, data), _PEER_ROUNDS, restore)
        their_stamp, _ = _least(lambda: _pyhanko_stamp(work), _PEER_ROUNDS, lambda: None)
    return (
        name,
        f"{floor:.1f}",
        "-",
        *(f"{figure:.1f}" for figure in (stamped - plain, with_data)),
        str(lt.stored.length - length),
        f"{archived:.1f}",
        str(lta.stored.length - length),
        f"{again:.1f}",
        f"{with_data / floor:.1f}",
        f"{archived / floor:.1f}",
        f"{their_data:.1f}",
        f"{their_data + their_stamp:.1f}",
        f"{archived / (their_data + their_stamp):.3f}",
    )


def row_of_other(kind: str, size: int) -> tuple[str, ...]:
    """A CMS object with its content inside, or an XML file with one signature."""
    from signroom.domain.augmentation import TimestampUse
    from signroom.domain.signature import ATTACHED, WHOLE_DOCUMENT, DigestAlgorithm, TrustedChain
    from signroom.formats.cms import format as cms
    from signroom.formats.values import check_values
    from signroom.formats.xml import format as xml
    from tests.pki import three_tiers

    form: Any = cms if kind == "cms" else xml
    data = three_tiers.data_of_signer("rsa2048") + three_tiers.data_of_stamper()
    signer, sha256 = three_tiers.signer("rsa2048"), DigestAlgorithm.SHA256
    with tempfile.TemporaryDirectory() as place:
        file, signed, work = (Path(place) / part for part in ("file", "signed", "work"))
        line = b"<line>" + b"x" * 87 + b"</line>\n"
        file.write_bytes(b"<lines>" + line * (size // len(line)) + b"</lines>")
        prepared = form.prepare(
            file,
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

        def sign(timestamp: bytes | None) -> Any:
            return form.sign(file, prepared, checked, signed, content=None, reading=None, timestamp=timestamp)

        def restore() -> None:
            shutil.copyfile(signed, work)

        parse = 0.0
        if kind == "cms":
            floor, _ = _least(lambda: _hash_and_copy(file, work))
        else:
            parse, tree = _least(lambda: _parsed(file))
            floor, _ = _least(partial(_hash_canonical, tree))
        plain, _ = _least(lambda: sign(None))
        stamped, _ = _least(lambda: sign(token))
        length = signed.stat().st_size
        with_data, lt = _step(work, (None, data, checked.value), None, restore, form=form)
        archived, lta = _step(work, (TimestampUse.ARCHIVE, data, checked.value), None, restore, form=form)
        again, _ = _step(work, (TimestampUse.ARCHIVE, data, checked.value), None, lambda: None, once=True, form=form)
    return (
        f"{kind} {size / (1 << 20):.3g} MB",
        f"{floor:.1f}",
        f"{parse:.1f}" if parse else "-",
        *(f"{figure:.1f}" for figure in (stamped - plain, with_data)),
        str(lt.stored.length - length),
        f"{archived:.1f}",
        str(lta.stored.length - length),
        f"{again:.1f}",
        f"{with_data / floor:.1f}",
        f"{archived / floor:.1f}",
        *("-" for _ in range(3)),
    )


def _least(
    work: Callable[[], Any], rounds: int = ROUNDS, before: Callable[[], None] | None = None
) -> tuple[float, Any]:
    """Milliseconds of the processor, and what the last round gave."""
    taken, found = [], None
    for _ in range(rounds):
        if before is not None:
            before()
        begun = time.process_time()
        found = work()
        taken.append((time.process_time() - begun) * 1000)
    return min(taken), found


def _step(
    work: Path,
    step: tuple[Any, ...],
    reading: Any,
    restore: Callable[[], None],
    *,
    once: bool = False,
    form: Any = None,
) -> tuple[float, Any]:
    """Lay out and write, without what the authority does."""
    from signroom.domain.augmentation import Augmentation
    from signroom.formats.pdf import format as pdf
    from tests.pki import three_tiers

    form = form or pdf
    taken, done = [], None
    for _ in range(1 if once else ROUNDS):
        restore()
        begun = time.process_time()
        laid_out = form.lay_out_augmentation(work, Augmentation(*step), now=three_tiers.NOW, data=None, reading=reading)
        half = time.process_time() - begun
        token = None if laid_out.imprint is None else three_tiers.stamp(laid_out.imprint)
        begun = time.process_time()
        done = form.augment(work, laid_out, token=token, data=None, reading=reading)
        taken.append((half + time.process_time() - begun) * 1000)
    return min(taken), done


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
