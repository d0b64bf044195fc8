"""Mutated, padded and costly files of every format, each read with a clock: how much of the processor does it take?

A file is read in a child process with the limits of a worker of the sandbox. Whatever is raised but a refusal is a
finding, and so is a file that takes more than `BUDGET` beyond reading it once.
"""

from __future__ import annotations

import logging
import multiprocessing
import resource
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

import msgspec

from signroom.api.resources.sessions import _document
from signroom.api.shapes import contract as shapes
from signroom.api.shapes.wire import read_base64_text
from signroom.api.translation.commands import metadata_of, requirements_of, signing_options
from signroom.domain.errors import SignroomError
from signroom.domain.signature import NO_OPTIONS, CertificateChain, CmsOptions, DigestAlgorithm, SignatureType
from signroom.domain.validation import Outcome
from signroom.formats import catalogue
from signroom.formats.cms import cades
from signroom.formats.cms.certificates import read_parts
from signroom.formats.logo import read_logo
from signroom.formats.values import check_values
from signroom.formats.xml import xades
from signroom.trust.anchors import Anchors
from signroom.trust.asking.answers import Answers
from signroom.trust.certificates import read_certificate
from signroom.trust.path_validation import judge
from signroom.trust.revocation import RevocationSources
from tests.formats.conftest import NOW, trusted
from tests.fuzz import mutations
from tests.fuzz.originals import originals as pdfs
from tests.harness.server import signature
from tests.pki import authority
from tests.soak.costly import COSTLY, chain

BUDGET = 2.0
"""Seconds of processor time for a file, beyond reading it once."""
_READ_IN_A_SECOND = 25 << 20
"""Bytes: XML is the slowest to read."""
_MEMORY = 1536 << 20
"""Address space of a child beside what it has from its parent: that of a worker of the sandbox."""
_ENDED = 30
"""Seconds of processor time after which a child is ended with its file."""
_AT_ONCE = 200
"""Files of one child: then it is replaced, whatever memory a library has kept."""
_SIZES = ((0.7, 64 << 10), (0.25, 1 << 20), (0.05, 8 << 20))
"""How often files are padded to at most so many bytes."""
_LARGEST = {"certificate": 60 << 10, "logo": 1 << 20}
"""Bytes. Longer ones are refused by their length."""


@dataclass(frozen=True)
class Read:
    """What came of a file."""

    name: str
    """``cms-17``: with it and the seed the file can be made again."""
    about: str
    size: int
    seconds: float
    problem: str = ""

    @property
    def over(self) -> float:
        """Seconds beyond the budget; negative within it."""
        return self.seconds - BUDGET - self.size / _READ_IN_A_SECOND


# -- how each format is read -----------------------------------------------------------------------


def _read_file(kind: SignatureType) -> Callable[[Path], None]:
    def read(file: Path) -> None:
        catalogue.inspect(file, kind, NO_OPTIONS, None)

    return read


def _read_certificate(file: Path) -> None:
    """As a stranger's certificate is judged, alone and with many issuers."""
    der = file.read_bytes()
    with suppress(SignroomError):
        read_parts(der)
    found = read_certificate(der)
    _ = f"{found.serial_number}"
    for issuers in ((), chain(50), (der, *chain(8, 1 << 3070 | 1, 3072))):
        nobody = RevocationSources(Answers(None))
        judge(CertificateChain(der, issuers), Anchors(any_issuer=True), NOW, nobody, unknown_is=Outcome.WARNING)


def _read_logo(file: Path) -> None:
    read_logo(file.read_bytes())


def _read_json(file: Path) -> None:
    body = msgspec.json.decode(
        file.read_bytes(), type=shapes.CreateSessionRequest, dec_hook=read_base64_text, strict=True
    )
    options = signing_options(body.pdf_signature_options, body.cms_signature_options)
    metadata_of(body.document_metadata)
    requirements_of(body.certificate_requirements)
    for number, document in enumerate((body.documents or ())[:100]):
        _document(number, document, options, ())


READERS: Mapping[str, Callable[[Path], None]] = {
    "pdf": _read_file(SignatureType.PDF),
    "cms": _read_file(SignatureType.CMS),
    "xml": _read_file(SignatureType.XML),
    "certificate": _read_certificate,
    "logo": _read_logo,
    "json": _read_json,
}
_REFUSALS = (SignroomError, msgspec.DecodeError, RecursionError, UnicodeDecodeError, MemoryError)
"""A body that is nested too deeply or is not UTF-8 is answered like one that cannot be decoded. A worker that needs too
much memory ends, and its file is refused."""


# -- how files are made ----------------------------------------------------------------------------


@cache
def _originals(kind: str) -> Sequence[bytes]:
    match kind:
        case "pdf":
            return tuple(pdfs().values())
        case "cms":
            return tuple(_signed_cms())
        case "xml":
            return (*_signed_xml(), b"<a/>", b'<a xmlns="urn:a" Id="b"><c>text</c></a>')
        case "certificate":
            return tuple(authority.leaf(name).certificate_der for name in ("rsa2048", "p256", "p521"))
        case _:
            return tuple(make(2000) for make in COSTLY[kind].values())


def _signed_cms() -> Iterator[bytes]:
    with tempfile.TemporaryDirectory() as name:
        content, output = Path(name) / "content", Path(name) / "signed"
        content.write_bytes(b"what is signed\n" * 50)
        for signer in ("rsa2048", "p256"):
            for options in (CmsOptions(), CmsOptions(detached=True)):
                layout = cades.prepare(
                    content, trusted(signer), algorithm=DigestAlgorithm.SHA256, now=NOW, options=options
                )
                raw = signature(authority.leaf(signer).signing_key, layout.to_sign)
                cades.embed(content, layout, check_values([layout.claimed(raw)])[0], output)
                yield output.read_bytes()


def _signed_xml() -> Iterator[bytes]:
    with tempfile.TemporaryDirectory() as name:
        file, output = Path(name) / "file", Path(name) / "signed"
        file.write_bytes(b'<contract xmlns="urn:c" Id="c1"><party>Ana</party><party>Rui</party></contract>')
        for signer in ("rsa2048", "p256"):
            layout = xades.prepare(file, trusted(signer), DigestAlgorithm.SHA256, NOW)
            raw = signature(authority.leaf(signer).signing_key, layout.to_sign)
            xades.embed(file, layout, check_values([layout.claimed(raw)])[0], output)
            file.write_bytes(output.read_bytes())
            yield output.read_bytes()


def make(name: str, seed: int) -> tuple[bytes, str]:
    """The file with this name, and how it was made."""
    kind, _, number = name.partition("-")
    dice = Random(f"{seed}:{name}")
    size = min(_size(dice), _LARGEST.get(kind, 1 << 30))
    makers = COSTLY[kind]
    if int(number) < len(makers):  # each of the costly ones once in any case
        about = list(makers)[int(number)]
        return makers[about](size), f"{about}, {size} bytes"
    match dice.randrange(4):
        case 0:
            about = dice.choice(list(makers))
            content, how = _mutated(dice, makers[about](size))
            return content, f"{about}, {size} bytes: {how}"
        case 1 if kind == "pdf":
            files = _originals(kind)
            return mutations.mutated(dice, dice.choice(files), dice.choice(files))
        case 1:
            return _mutated(dice, dice.choice(_originals(kind)))
        case _:
            content, how = _mutated(dice, dice.choice(_originals(kind)))
            return _padded(dice, content, size), f"{how}, padded to {size} bytes"


def _size(dice: Random) -> int:
    (most,) = dice.choices([size for _, size in _SIZES], [weight for weight, _ in _SIZES])
    return dice.randrange(most // 8, most)


def _mutated(dice: Random, content: bytes) -> tuple[bytes, str]:
    done = []
    for _ in range(dice.choice((1, 1, 2, 4))):
        at = dice.randrange(len(content) + 1)
        end = min(len(content), at + dice.choice((1, 2, 8, 60)))
        how = dice.choice(("flip", "cut", "double", "move", "large", "end"))
        piece = content[at:end]
        match how:
            case "flip":
                new = bytes(byte ^ (1 << dice.randrange(8)) for byte in piece)
            case "cut":
                new = b""
            case "double":
                new = piece * dice.choice((2, 3, 50))
            case "move":
                start = dice.randrange(len(content) + 1)
                new = content[start : start + len(piece)]
            case "large":
                new = dice.choice((b"\xff", b"\x80", b"\x84\x7f\xff\xff\xff", b"9" * 30, b"\0")) * len(piece)
            case _:
                content, new = content[:end], piece
        content = content[:at] + new + content[end:]
        done.append(how)
    return content, " ".join(done)


def _padded(dice: Random, content: bytes, size: int) -> bytes:
    """A piece of it, or something else, many times: inside or behind."""
    at = dice.choice((len(content), dice.randrange(len(content) + 1)))
    start = dice.randrange(len(content) + 1)
    own = content[start : start + dice.choice((1, 4, 30, 400))] or b"\0"
    piece = dice.choice((own, own, own, b"\0", b" ", b"<", b"[", b"0", b"\x30\x80"))
    return content[:at] + piece * (size // len(piece)) + content[at:]


# -- reading many ----------------------------------------------------------------------------------


def names_of(kinds: Sequence[str], count: int) -> list[str]:
    return [f"{kind}-{number}" for kind in kinds for number in range(count)]


def read_all(names: Sequence[str], seed: int) -> Iterator[Read]:
    """One result for each file, in their order."""
    for kind in {name.partition("-")[0] for name in names}:
        _originals(kind)  # made once: the children inherit them, and the keys
    context = multiprocessing.get_context("fork")
    left = list(names)
    while left:
        receiver, sender = context.Pipe(duplex=False)
        child = context.Process(target=_work, args=(left[:_AT_ONCE], seed, receiver, sender), daemon=True)
        child.start()
        sender.close()
        with receiver:
            for _ in range(len(left[:_AT_ONCE])):
                try:
                    read: Read = receiver.recv()
                except EOFError:
                    break
                left.pop(0)
                yield read
        before = len(left)
        child.join()
        if child.exitcode and before:
            name = left.pop(0)
            content, about = make(name, seed)
            yield Read(name, about, len(content), _ENDED, f"its process ended with {child.exitcode}")


def _work(names: Sequence[str], seed: int, receiver: Connection, sender: Connection) -> None:
    """In a child process."""
    receiver.close()
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    inherited = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (inherited + _MEMORY, hard))
    with tempfile.TemporaryDirectory(prefix="signroom-files-") as folder, suppress(BrokenPipeError):
        file = Path(folder) / "file"
        for name in names:
            content, about = make(name, seed)
            file.write_bytes(content)
            size = len(content)
            del content
            _, hard = resource.getrlimit(resource.RLIMIT_CPU)
            resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + _ENDED, hard))
            begun, problem = time.process_time(), ""
            try:
                READERS[name.partition("-")[0]](file)
            except _REFUSALS:
                pass
            except Exception:  # noqa: BLE001 - this is what is looked for
                problem = traceback.format_exc(limit=-4)
            sender.send(Read(name, about, size, time.process_time() - begun, problem))
    sender.close()
