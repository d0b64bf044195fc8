"""The one door to all formats: a format is loaded when a file of its kind comes by, and not before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from signroom.domain.signature import SignatureType
from tests.harness.server import ROOT
from tests.vectors import hard_pdfs

FILES = {SignatureType.PDF: hard_pdfs.make("plain"), SignatureType.CMS: b"plain text", SignatureType.XML: b"<a/>"}
INSPECT = """
import sys
from pathlib import Path
from signroom.domain.signature import NO_OPTIONS, SignatureType
from signroom.formats import catalogue

assert catalogue.inspect(Path(sys.argv[1]), SignatureType(sys.argv[2]), NO_OPTIONS, None).signature_type == sys.argv[2]
formats = ("signroom.formats.pdf", "signroom.formats.cms", "signroom.formats.xml")
print(*(name for name in formats if f"{name}.format" in sys.modules))
"""


@pytest.mark.parametrize("kind", list(SignatureType))
def test_only_the_format_of_the_file_is_loaded(tmp_path: Path, kind: SignatureType) -> None:
    file = tmp_path / "file"
    file.write_bytes(FILES[kind])

    done = subprocess.run(
        [sys.executable, "-c", INSPECT, str(file), kind.value], check=True, cwd=ROOT, capture_output=True, text=True
    )

    assert done.stdout.split() == [f"signroom.formats.{kind.value.lower()}"]


def test_no_format_is_loaded_with_the_catalogue() -> None:
    code = "import sys, signroom.formats.catalogue\nprint(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True, text=True)

    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"pyhanko", "asn1crypto", "lxml", "cryptography"}
