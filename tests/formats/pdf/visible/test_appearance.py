"""Visible signatures, looked at with MuPDF's and poppler's eyes."""

from __future__ import annotations

import contextlib
import io
import json
import re
import struct
import subprocess
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from cryptography import x509
from PIL import Image, ImageChops, ImageOps

from signroom.domain.appearance import (
    Appearance,
    AppearanceImage,
    AppearanceText,
    AutoPositioning,
    HorizontalAlign,
    HorizontalDirection,
    PageOptimization,
    PageOrientation,
    PaperSize,
    Place,
    Positioning,
    Rectangle,
    Size,
    Unit,
    VerticalAlign,
    VerticalDirection,
)
from signroom.domain.errors import BadAppearance, DocumentRejected, InvalidPdf
from signroom.domain.signature import CertificateChain, DigestAlgorithm, Indication, PdfLayout, Prepared
from signroom.formats.pdf import pades
from signroom.formats.pdf.examination import examine
from signroom.formats.pdf.verification import verify
from signroom.formats.pdf.visible import appearance as drawing
from signroom.formats.pdf.visible.placeholders import filled
from tests.formats.conftest import NOW, ROOTS, chain_of, trusted, value
from tests.harness.tools import require_tools
from tests.vectors import hard_pdfs
from tests.verifiers import programs as verifiers

Written = Callable[[str], Path]
Box = tuple[int, int, int, int]

AT = Rectangle(left=60, top=40, width=200, height=100)
RED, GREEN, BLUE, GRAY = (230, 0, 0), (0, 170, 0), (0, 0, 230), (90, 90, 90)


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    target = io.BytesIO()
    picture.save(target, kind, **options)
    return target.getvalue()


def quarters() -> bytes:
    """Red and green above, blue and gray below: one look says where it is and how it is turned."""
    picture = Image.new("RGB", (40, 20))
    for index, color in enumerate((RED, GREEN, BLUE, GRAY)):
        picture.paste(color, (index % 2 * 20, index // 2 * 10, index % 2 * 20 + 20, index // 2 * 10 + 10))
    return encoded(picture)


def an_image(content: bytes | None = None, **fields: Any) -> AppearanceImage:
    return AppearanceImage(quarters() if content is None else content, "image/png", **fields)


def seen_at(
    where: Rectangle | AutoPositioning = AT,
    *,
    page: int = 1,
    text: str | AppearanceText | None = None,
    image: AppearanceImage | None = None,
    unit: Unit = Unit.PDF_POINTS,
    paper: PageOptimization | None = None,
) -> Appearance:
    auto, manual = (where, None) if isinstance(where, AutoPositioning) else (None, where)
    position = Positioning(page, unit, auto=auto, manual=manual, page_optimization=paper or PageOptimization())
    if text is None and image is None:
        image = an_image()
    return Appearance(position, AppearanceText(text) if isinstance(text, str) else text, image)


def prepared(file: Path, appearance: Appearance, signer: str = "p256") -> Prepared:
    return pades.prepare(file, trusted(signer), DigestAlgorithm.SHA256, NOW, appearance)


def prepared_update(file: Path, appearance: Appearance) -> PdfLayout:
    """What is appended to the file."""
    return prepared(file, appearance).layout_as(PdfLayout)


def signed(file: Path, appearance: Appearance, signer: str = "p256") -> Path:
    layout = prepared(file, appearance, signer)
    output = file.with_name(f"{file.stem}-{signer}.pdf")
    pades.embed(file, layout, value(layout, signer), output)
    return output


def rendered(file: Path, page: int = 1) -> Image.Image:
    """One pixel per point, as MuPDF shows it."""
    require_tools("mutool")
    target = file.with_suffix(".png")
    subprocess.run(["mutool", "draw", "-q", "-r", "72", "-o", str(target), str(file), str(page)], check=True)
    with Image.open(target) as picture:
        return picture.convert("RGB")


def box_of(picture: Image.Image, color: tuple[int, int, int]) -> Box | None:
    """Where pixels are (nearly) of that color."""
    bands = [
        band.point(lambda v, want=want: 255 * (abs(v - want) < 12))
        for band, want in zip(picture.split(), color, strict=True)
    ]
    mask = Image.merge("RGB", bands).convert("L").point(lambda v: 255 * (v == 255))
    return mask.getbbox()


def near(found: Box | None, wanted: tuple[float, float, float, float], within: float = 1.5) -> bool:
    return found is not None and all(abs(a - b) <= within for a, b in zip(found, wanted, strict=True))


def shown_lines(file: Path) -> list[dict[str, Any]]:
    """Lines of text with their boxes on the page as MuPDF shows it."""
    require_tools("mutool")
    done = subprocess.run(["mutool", "draw", "-q", "-F", "stext.json", str(file)], capture_output=True, check=True)
    pages = json.loads(done.stdout)["pages"]
    return [line for page in pages for block in page["blocks"] for line in block.get("lines", [])]


def a_page(rotate: int = 0, media: bytes = b"0 0 595 842", more: bytes = b"") -> bytes:
    """One page; /Rotate is inherited."""
    return hard_pdfs.assemble(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Count 1/Kids[3 0 R]/Rotate %d>>" % rotate,
            b"<</Type/Page/Parent 2 0 R/MediaBox[%b]%b/Resources<<>>>>" % (media, more),
        ]
    )


@pytest.fixture
def page(tmp_path: Path) -> Callable[..., Path]:
    def write(*args: Any, **kwargs: Any) -> Path:
        file = tmp_path / "page.pdf"
        file.write_bytes(a_page(*args, **kwargs))
        return file

    return write


# -- where -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rotate", [0, 90, 180, 270, -90, 450])
@pytest.mark.parametrize(
    ("media", "more", "unit"),
    [
        (b"0 0 595 842", b"", 1),
        (b"-100 -50 595 842", b"/CropBox[30 40 560 800]", 1),
        (b"595 842 -10 -20", b"/CropBox[-500 -500 400 500]", 1),
        (b"0 0 300 400", b"/UserUnit 2", 2),
    ],
    ids=["plain", "cropped", "corners-swapped", "user-unit"],
)
def test_the_place_counts_from_the_top_left_of_the_page_as_it_is_shown_and_the_picture_is_upright(
    page: Callable[..., Path], rotate: int, media: bytes, more: bytes, unit: float
) -> None:
    picture = rendered(signed(page(rotate, media, more), seen_at()))

    assert near(box_of(picture, RED), (60, 40, 160, 90))
    assert near(box_of(picture, GREEN), (160, 40, 260, 90))
    assert near(box_of(picture, BLUE), (60, 90, 160, 140))
    assert near(box_of(picture, GRAY), (160, 90, 260, 140))


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_right_and_bottom_count_from_the_other_corner(page: Callable[..., Path], rotate: int) -> None:
    file = page(rotate, b"0 0 595 842", b"/CropBox[20 30 520 730]")

    picture = rendered(signed(file, seen_at(Rectangle(right=10, bottom=20, width=100, height=50))))

    width, height = picture.size
    assert (width, height) == ((500, 700) if rotate in {0, 180} else (700, 500))
    assert near(box_of(picture, RED), (width - 110, height - 70, width - 60, height - 45))


def test_centimetres_are_centimetres(page: Callable[..., Path]) -> None:
    where = Rectangle(left=2.54, top=5.08, width=5.08, height=2.54)

    picture = rendered(signed(page(), seen_at(where, unit=Unit.CENTIMETERS)))

    assert near(box_of(picture, RED), (72, 144, 144, 180))


@pytest.mark.parametrize(("number", "expected"), [(1, 1), (3, 3), (-1, 10), (-10, 1)])
def test_pages_count_from_both_ends(written: Written, number: int, expected: int) -> None:
    output = signed(written("ten-pages"), seen_at(page=number))

    with pikepdf.open(output) as pdf:
        widgets = [n for n, p in enumerate(pdf.pages, 1) for a in p.get("/Annots", []) if a.FT == "/Sig"]
        annotation = pdf.pages[expected - 1].Annots[0]
        assert widgets == [expected]
        assert annotation.P.objgen == pdf.pages[expected - 1].objgen
        assert [round(float(v)) for v in annotation.Rect] == [60, 842 - 140, 260, 842 - 40]
        assert annotation.AP.N.Subtype == "/Form"
        assert int(annotation.F) & 0b110 == 0b100  # printed, not hidden


@pytest.mark.parametrize("number", [11, -11, 999_999])
def test_a_page_that_is_not_there_is_refused(written: Written, number: int) -> None:
    with pytest.raises(BadAppearance) as caught:
        prepared(written("ten-pages"), seen_at(page=number))
    assert "10" in (caught.value.detail or "")


@pytest.mark.parametrize(
    "where",
    [
        Rectangle(left=500, top=10, width=100, height=50),
        Rectangle(left=10, top=800, width=100, height=50),
        Rectangle(left=-5, top=10, width=100, height=50),
        Rectangle(left=10, top=10, width=0, height=50),
        Rectangle(left=400, right=400, top=10, height=50),
        Rectangle(left=10, top=10, width=100, height=-50),
    ],
)
def test_a_rectangle_beyond_the_page_or_of_no_size_is_refused(page: Callable[..., Path], where: Rectangle) -> None:
    with pytest.raises(BadAppearance):
        prepared(page(), seen_at(where))


@pytest.mark.parametrize("name", hard_pdfs.GOOD)
def test_every_file_that_can_be_signed_can_be_signed_visibly(written: Written, nss: Path, name: str) -> None:
    output = signed(written(name), seen_at(text="Signed by {{name}}"), "rsa2048")

    (by_pdfsig,) = verifiers.pdfsig(output, nss)
    assert by_pdfsig.valid
    assert by_pdfsig.whole_document
    assert verifiers.mutool(output) == [True]
    assert verify(output).intact
    assert examine(output).signatures[0].results.valid
    if name != "content-bomb":
        assert "Signed by Signer rsa2048" in verifiers.text(output)


# -- a new page ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("paper", "size"),
    [
        (PageOptimization(), (595, 842)),
        (PageOptimization(PaperSize.LETTER), (612, 792)),
        (PageOptimization(PaperSize.A5, orientation=PageOrientation.LANDSCAPE), (595, 420)),
        (PageOptimization(PaperSize.CUSTOM, Size(height=300, width=500)), (500, 300)),
        (PageOptimization(PaperSize.CUSTOM, Size(height=300, width=500), PageOrientation.PORTRAIT), (300, 500)),
    ],
)
def test_a_new_page_is_added_for_the_first_signature(
    page: Callable[..., Path], nss: Path, paper: PageOptimization, size: tuple[int, int]
) -> None:
    output = signed(page(90, b"0 0 100 100"), seen_at(page=0, paper=paper))

    picture = rendered(output, 2)
    assert all(abs(a - b) <= 1 for a, b in zip(picture.size, size, strict=True))
    assert near(box_of(picture, RED), (60, 40, 160, 90))
    verifiers.require_accepted(output, nss, ROOTS)


def test_a_page_is_not_added_to_a_signed_file_since_that_would_break_it(page: Callable[..., Path]) -> None:
    output = signed(page(), seen_at())

    with pytest.raises(BadAppearance):
        prepared(output, seen_at(page=0))


def test_a_paper_that_a_pdf_cannot_have_is_refused(page: Callable[..., Path]) -> None:
    for size in (Size(height=1, width=100), Size(height=20_000, width=100), None):
        with pytest.raises(BadAppearance):
            prepared(page(), seen_at(page=0, paper=PageOptimization(PaperSize.CUSTOM, size)))


# -- automatic places ------------------------------------------------------------------------------

CONTAINER = Rectangle(left=50, right=95, bottom=40, height=250)  # 450 x 250 on A4: two columns, two rows
TWO_BY_TWO = AutoPositioning(CONTAINER, Size(height=100, width=200), row_spacing=20)


def test_signatures_fill_the_container_row_by_row_until_it_is_full(
    page: Callable[..., Path], nss: Path, tmp_path: Path
) -> None:
    file = page()
    signers = ["rsa2048", "p256", "p384", "p521"]
    colors = [RED, GREEN, BLUE, GRAY]
    for signer, color in zip(signers, colors, strict=True):
        content = encoded(Image.new("RGB", (20, 10), color))
        file = signed(file, seen_at(TWO_BY_TWO, image=an_image(content)), signer)

    picture = rendered(file)
    top = 842 - 40 - 250
    for index, color in enumerate(colors):
        left, row = 50 + index % 2 * 200, top + index // 2 * 120
        assert near(box_of(picture, color), (left, row, left + 200, row + 100))
    verifiers.require_accepted(file, nss, ROOTS, signatures=4)
    assert [s.indication for s in verify(file).signatures] == [Indication.TOTAL_PASSED] * 4
    with pytest.raises(BadAppearance):
        prepared(file, seen_at(TWO_BY_TWO))


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_the_next_free_place_is_found_on_turned_pages_too(page: Callable[..., Path], rotate: int) -> None:
    auto = replace(
        TWO_BY_TWO,
        horizontal_direction=HorizontalDirection.RIGHT_TO_LEFT,
        vertical_direction=VerticalDirection.BOTTOM_UP,
    )
    file = page(rotate, b"-30 -20 570 580")
    first = signed(file, seen_at(auto, image=an_image(encoded(Image.new("RGB", (20, 10), RED)))), "p256")

    second = signed(first, seen_at(auto, image=an_image(encoded(Image.new("RGB", (20, 10), BLUE)))), "p384")

    picture = rendered(second)
    assert near(box_of(picture, RED), (305, 460, 505, 560))
    assert near(box_of(picture, BLUE), (105, 460, 305, 560))


def test_an_invisible_signature_takes_no_place(page: Callable[..., Path]) -> None:
    file = page()
    layout = pades.prepare(file, trusted("p256"), DigestAlgorithm.SHA256, NOW)
    output = file.with_name("invisible.pdf")
    pades.embed(file, layout, value(layout, "p256"), output)

    picture = rendered(signed(output, seen_at(TWO_BY_TWO), "p384"))

    assert near(box_of(picture, RED), (50, 552, 150, 602))


@pytest.mark.parametrize("size", [Size(height=1000, width=10), Size(height=0, width=10), Size(height=10, width=600)])
def test_a_container_that_has_no_room_is_refused(page: Callable[..., Path], size: Size) -> None:
    with pytest.raises(BadAppearance):
        prepared(page(), seen_at(AutoPositioning(CONTAINER, size)))


# -- text ------------------------------------------------------------------------------------------


def test_text_can_be_read_by_programs_and_people(page: Callable[..., Path], nss: Path) -> None:
    require_tools("pdfsig")
    text = "Assinado por {{name}}\nÇãõ ęłŻ ß Ωμέγα Жизнь — “€” {{unknown}} {{ subject_cn }}"
    output = signed(page(), seen_at(Rectangle(left=10, top=10, right=10, height=200), text=text), "p384")

    wanted = ["Assinado por Signer p384", "Çãõ ęłŻ ß Ωμέγα Жизнь — “€” {{unknown}} Signer p384"]
    assert verifiers.text(output).split("\n")[:2] == wanted
    poppler = subprocess.run(["pdftotext", str(output), "-"], capture_output=True, text=True, check=True).stdout
    assert [line for line in poppler.splitlines() if line.strip("\f")] == wanted
    verifiers.require_accepted(output, nss, ROOTS)


def test_the_signing_time_shows_its_offset(page: Callable[..., Path]) -> None:
    output = signed(page(), seen_at(text=AppearanceText("Signed", include_signing_time=True)))

    assert verifiers.text(output).strip().split("\n") == ["Signed", f"{NOW:%Y-%m-%d %H:%M:%S} +00:00"]
    assert drawing.filled_text(AppearanceText("", include_signing_time=True), b"", NOW).startswith(f"{NOW:%Y}")


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("align", [HorizontalAlign.LEFT, HorizontalAlign.RIGHT])
def test_text_stays_in_its_container_on_its_side(
    page: Callable[..., Path], rotate: int, align: HorizontalAlign
) -> None:
    text = AppearanceText(
        "One line\nand another",
        font_size=10,
        horizontal_align=align,
        container=Rectangle(left=20, top=30, right=40, bottom=10),
    )

    lines = shown_lines(signed(page(rotate), seen_at(text=text)))

    assert [line["text"] for line in lines] == ["One line", "and another"]
    for number, line in enumerate(lines):
        box = line["bbox"]
        assert box["x"] >= 79
        assert box["x"] + box["w"] <= 221
        assert abs(box["y"] - (70 + 12 * number)) <= 3
        assert abs((box["x"] - 80) if align is HorizontalAlign.LEFT else (box["x"] + box["w"] - 220)) <= 1


@pytest.mark.parametrize("length", [300, 10_000])
def test_long_text_is_shrunk_and_at_last_cut(page: Callable[..., Path], length: int) -> None:
    text = ("lorem ipsum dolor " * length)[:length]

    lines = shown_lines(signed(page(), seen_at(text=text)))

    boxes = [line["bbox"] for line in lines]
    assert all(b["x"] >= 59 and b["y"] >= 38 and b["x"] + b["w"] <= 261 and b["y"] + b["h"] <= 142 for b in boxes)
    joined = " ".join(line["text"] for line in lines)
    if length == 300:
        assert joined.split() == text.split()
    else:
        assert joined.endswith("…")
        assert len(joined) > 500


def test_a_word_that_is_longer_than_a_line_is_broken(page: Callable[..., Path]) -> None:
    lines = shown_lines(signed(page(), seen_at(text="x" * 200)))

    assert "".join(line["text"] for line in lines) == "x" * 200
    assert len(lines) > 1


def test_a_text_of_nothing_that_can_be_shown_is_no_fault(page: Callable[..., Path]) -> None:
    assert verify(signed(page(), seen_at(text="{{br_company}}"))).intact


def test_a_container_without_room_for_text_is_refused(page: Callable[..., Path]) -> None:
    for container in (Rectangle(left=1, top=1, width=2, height=50), Rectangle(left=150, right=150)):
        with pytest.raises(BadAppearance):
            prepared(page(), seen_at(text=AppearanceText("x", container=container)))


# -- placeholders ----------------------------------------------------------------------------------


def a_certificate(*names: x509.NameAttribute[str], others: dict[str, bytes] | None = None) -> bytes:
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    alternatives: list[x509.GeneralName] = [
        x509.OtherName(x509.ObjectIdentifier(oid), data) for oid, data in (others or {}).items()
    ]
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(names))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "AC Teste")]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2027, 1, 1, tzinfo=UTC))
    )
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def octets(text: str) -> bytes:
    return b"\x04%c%b" % (len(text), text.encode())


def named(oid: x509.ObjectIdentifier, text: str) -> x509.NameAttribute[str]:
    return x509.NameAttribute(oid, text)


def test_placeholders_of_a_brazilian_person() -> None:
    cpf = "52998224725"
    der = a_certificate(
        named(x509.NameOID.ORGANIZATION_NAME, "ICP-Brasil"),
        named(x509.NameOID.COMMON_NAME, f"Maria da Silva:{cpf}"),
        others={"2.16.76.1.3.1": octets("01011980" + cpf + "0" * 11 + "0" * 15)},
    )

    text = (
        "{{name}}|{{signerName}}|{{national_id}}|{{br_cpf_formatted}}|{{issuer}}|{{organization}}|{{date}}|{{br_cnpj}}"
    )
    wanted = f"Maria da Silva|Maria da Silva|{cpf}|529.982.247-25|AC Teste|ICP-Brasil|2026-11-24|"
    assert filled(text, der, datetime(2026, 11, 24, tzinfo=UTC)) == wanted
    assert filled("{{subject_cn}}", der, NOW) == f"Maria da Silva:{cpf}"
    assert cpf in filled("{{subject_name}}", der, NOW)


def test_placeholders_of_a_brazilian_company() -> None:
    der = a_certificate(
        named(x509.NameOID.COMMON_NAME, "Empresa Ltda:11222333000181"),
        others={
            "2.16.76.1.3.2": octets("Joao Souza"),
            "2.16.76.1.3.3": octets("11222333000181"),
            "2.16.76.1.3.4": octets("01011970" + "52998224725" + "0" * 26),
            "2.16.76.1.3.8": b"\x0c\x0cEmpresa Ltda",
        },
    )

    text = "{{name}}|{{br_responsavel}}|{{br_company}}|{{br_cnpj_formatted}}|{{br_cpf}}|{{email}}"
    wanted = "Empresa Ltda|Joao Souza|Empresa Ltda|11.222.333/0001-81|52998224725|"
    assert filled(text, der, NOW) == wanted


def test_placeholders_of_a_european_person_and_of_other_names_that_are_garbage() -> None:
    der = a_certificate(
        named(x509.NameOID.COMMON_NAME, "Mario Rossi"),
        named(x509.NameOID.SERIAL_NUMBER, "TINIT-RSSMRA85T10A562S"),
        named(x509.NameOID.EMAIL_ADDRESS, "mario@example.org"),
        others={
            "2.16.76.1.3.1": b"\x30\x00",
            "2.16.76.1.3.2": b"\x02\x01\x05",
            "2.16.76.1.3.3": octets("not a number"),
        },
    )

    text = "{{NAME}}|{{signerNationalId}}|{{signerEmail}}|{{br_cpf}}{{br_cnpj}}|{{{name}}}"
    assert filled(text, der, NOW) == "Mario Rossi|RSSMRA85T10A562S|mario@example.org||{Mario Rossi}"


def test_a_certificate_with_two_different_numbers_shows_none() -> None:
    row, name = "01011980{}" + "0" * 26, "Maria:{}"
    person, responsible = (f"2.16.76.1.3.{n}" for n in (1, 4))
    one, two = "52998224725", "12345678909"
    certificates = [
        a_certificate(
            named(x509.NameOID.COMMON_NAME, name.format(one)),
            others={person: octets(row.format(one)), responsible: octets(row.format(two))},
        ),
        a_certificate(named(x509.NameOID.COMMON_NAME, name.format(two)), others={person: octets(row.format(one))}),
        a_certificate(*(named(x509.NameOID.SERIAL_NUMBER, f"PNOES-{number}") for number in (1, 2))),
    ]

    for der in certificates:
        assert filled("{{br_cpf}}|{{br_cpf_formatted}}|{{national_id}}", der, NOW) == "||"


def test_a_name_adds_no_line_and_turns_none() -> None:
    der = a_certificate(named(x509.NameOID.COMMON_NAME, "Ana\nVerified by\u2028ICP\u202e-\x1cBrasil"))

    assert filled("{{name}}", der, NOW) == "Ana Verified by ICP- Brasil"
    assert drawing.filled_text(AppearanceText("{{name}}"), der, NOW).splitlines() == ["Ana Verified by ICP- Brasil"]


def test_a_placeholder_in_a_name_is_not_filled_in_again() -> None:
    der = a_certificate(named(x509.NameOID.COMMON_NAME, "{{email}} {{date}}"))

    assert filled("{{name}}", der, NOW) == "{{email}} {{date}}"


# -- images ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("across", "up", "box"),
    [
        (HorizontalAlign.LEFT, VerticalAlign.CENTER, (60, 40, 160, 140)),
        (HorizontalAlign.CENTER, VerticalAlign.TOP, (110, 40, 210, 140)),
        (HorizontalAlign.RIGHT, VerticalAlign.BOTTOM, (160, 40, 260, 140)),
    ],
)
def test_a_wide_place_keeps_the_proportions_and_the_side(
    page: Callable[..., Path], across: HorizontalAlign, up: VerticalAlign, box: Box
) -> None:
    image = an_image(encoded(Image.new("RGB", (30, 30), RED)), horizontal_align=across, vertical_align=up)

    assert near(box_of(rendered(signed(page(), seen_at(image=image))), RED), box)


@pytest.mark.parametrize(
    ("up", "top"), [(VerticalAlign.TOP, 40), (VerticalAlign.CENTER, 65), (VerticalAlign.BOTTOM, 90)]
)
def test_a_tall_place_keeps_them_too(page: Callable[..., Path], up: VerticalAlign, top: int) -> None:
    image = an_image(encoded(Image.new("RGB", (80, 20), RED)), vertical_align=up)

    assert near(box_of(rendered(signed(page(), seen_at(image=image))), RED), (60, top, 260, top + 50))


def test_opacity_and_alpha_let_the_page_through(page: Callable[..., Path], nss: Path) -> None:
    half = signed(page(), seen_at(image=an_image(encoded(Image.new("RGB", (20, 10), RED)), opacity=50)))
    assert rendered(half).getpixel((100, 80)) == pytest.approx((242, 127, 127), abs=4)

    picture = Image.new("RGBA", (20, 10), (*RED, 255))
    picture.paste((0, 0, 0, 0), (0, 0, 10, 10))
    seen = signed(page(), seen_at(image=an_image(encoded(picture))))
    assert rendered(seen).getpixel((100, 80)) == (255, 255, 255)
    assert near(box_of(rendered(seen), RED), (160, 40, 260, 140))
    verifiers.require_accepted(seen, nss, ROOTS)


def test_text_lies_over_the_image(page: Callable[..., Path]) -> None:
    image = an_image(encoded(Image.new("RGB", (20, 10), RED)))

    picture = rendered(signed(page(), seen_at(text="MMMMMM", image=image)))

    inside = picture.crop((60, 40, 260, 140))
    assert min(sum(inside.getpixel((x, y))) for x in range(100) for y in range(20)) < 100  # type: ignore[arg-type]


def sixteen_bits() -> bytes:
    return encoded(Image.frombytes("I;16", (20, 10), struct.pack("<H", 0x8000) * 200))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (lambda: encoded(Image.new("L", (20, 10), 128)), (128, 128, 128)),
        (lambda: encoded(Image.new("1", (20, 10), 0)), (0, 0, 0)),
        (lambda: encoded(Image.new("P", (20, 10), 0)), (0, 0, 0)),
        (lambda: encoded(Image.new("LA", (20, 10), (128, 255))), (128, 128, 128)),
        (sixteen_bits, (128, 128, 128)),
        (lambda: encoded(Image.new("RGB", (20, 10), RED), "JPEG", quality=95), RED),
        (lambda: encoded(Image.new("L", (20, 10), 128), "JPEG"), (128, 128, 128)),
        (lambda: encoded(Image.new("CMYK", (20, 10), (0, 255, 255, 0)), "JPEG", quality=95), (255, 0, 0)),
        (lambda: encoded(Image.new("RGB", (20, 10), RED), "JPEG", progressive=True), RED),
    ],
    ids=["gray", "1-bit", "palette", "gray-alpha", "16-bit", "jpeg", "gray-jpeg", "cmyk-jpeg", "progressive"],
)
def test_pictures_of_all_kinds_look_right(
    page: Callable[..., Path], content: Callable[[], bytes], expected: tuple[int, int, int]
) -> None:
    picture = rendered(signed(page(), seen_at(image=an_image(content()))))

    assert picture.getpixel((160, 90)) == pytest.approx(expected, abs=6)


def test_a_photograph_is_turned_as_its_camera_says(page: Callable[..., Path]) -> None:
    picture = Image.new("RGB", (40, 40), RED)
    picture.paste(BLUE, (0, 20, 40, 40))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    image = an_image(encoded(picture, "JPEG", exif=exif, quality=95))

    seen = rendered(signed(page(), seen_at(Rectangle(left=0, top=0, width=100, height=100), image=image)))

    assert seen.getpixel((20, 50)) == pytest.approx(BLUE, abs=8)
    assert seen.getpixel((80, 50)) == pytest.approx(RED, abs=8)


def test_a_picture_is_no_finer_than_its_place_needs(page: Callable[..., Path]) -> None:
    noise = Image.effect_noise((1500, 1200), 90)

    layout = prepared_update(
        page(), seen_at(Rectangle(left=10, top=10, width=72, height=72), image=an_image(encoded(noise, "JPEG")))
    )

    assert len(layout.before) + layout.contents_length + len(layout.after) < 200_000


def a_png(width: int, height: int, data: bytes = b"", kind: bytes = b"\x08\x02\x00\x00\x00") -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = chunk(b"IHDR", struct.pack(">II", width, height) + kind)
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def a_text_bomb() -> bytes:
    body = b"Comment\0\0" + zlib.compress(b" " * (200 << 20))
    whole = encoded(Image.new("RGB", (2, 2)))
    chunk = struct.pack(">I", len(body)) + b"zTXt" + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    return whole[:33] + chunk + whole[33:]


HOSTILE: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "text": lambda: b"not an image",
    "gif": lambda: encoded(Image.new("P", (4, 4)), "GIF"),
    "bmp": lambda: encoded(Image.new("RGB", (4, 4)), "BMP"),
    "svg": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "pixel-bomb": lambda: a_png(60_000, 60_000, zlib.compress(bytes(1000))),
    "just-too-many": lambda: a_png(4001, 4000, zlib.compress(bytes(1000))),
    "no-pixels": lambda: a_png(0, 0),
    "negative": lambda: a_png(0xFFFFFFFF, 1),
    "no-data": lambda: a_png(10, 10),
    "too-little-data": lambda: a_png(100, 100, zlib.compress(bytes(10))),
    "bad-data": lambda: a_png(10, 10, b"garbage"),
    "bad-depth": lambda: a_png(10, 10, zlib.compress(bytes(400)), b"\x07\x02\x00\x00\x00"),
    "text-bomb": a_text_bomb,
    "truncated-png": lambda: encoded(Image.effect_noise((200, 200), 90))[:5000],
    "truncated-jpeg": lambda: encoded(Image.effect_noise((200, 200), 90), "JPEG")[:2000],
    "head-of-a-jpeg": lambda: b"\xff\xd8\xff\xe0\x00\x10JFIF",
    "too-large": lambda: encoded(Image.new("RGB", (4, 4))) + bytes(2 << 20),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_an_image_that_is_none_or_a_trap_is_refused(page: Callable[..., Path], name: str) -> None:
    with pytest.raises(BadAppearance):
        prepared(page(), seen_at(image=an_image(HOSTILE[name]())))


def test_damaged_bytes_never_end_in_anything_but_a_refusal(page: Callable[..., Path]) -> None:
    file = page()
    originals = [
        encoded(Image.effect_noise((24, 24), 60)),
        encoded(Image.new("RGBA", (9, 9), (1, 2, 3, 4)), compress_level=0),
        encoded(Image.effect_noise((24, 24), 60), "JPEG", progressive=True),
    ]
    outcomes = set()
    for whole in originals:
        for position in range(8, len(whole), max(1, len(whole) // 40)):
            broken = whole[:position] + bytes([whole[position] ^ 0x5A]) + whole[position + 1 :]
            try:
                prepared(file, seen_at(image=an_image(broken)))
                outcomes.add("drawn")
            except BadAppearance:
                outcomes.add("refused")
    assert outcomes == {"drawn", "refused"}


# -- hostile pages ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("media", "more"),
    [
        (b"0 0 0 0", b""),
        (b"(a) (b) (c) (d)", b""),
        (b"0 0 100", b""),
        (b"0 0 612 792", b"/UserUnit (x)"),
        (b"0 0 612 792", b"/UserUnit -1"),
        (b"0 0 612 792", b"/UserUnit null"),
        (b"0 0 612 792", b"/Rotate (x)"),
        (b"0 0 612 792", b"/CropBox null"),
        (b"0 0 612 792", b"/CropBox 99 0 R"),
        (b"0 0 612 792", b"/Annots null"),
        (b"0 0 612 792", b"/Annots 99 0 R"),
    ],
)
def test_what_is_absent_or_of_a_wrong_type_counts_for_a_signature_as_it_does_for_readers(
    page: Callable[..., Path], media: bytes, more: bytes
) -> None:
    with pikepdf.open(page(0, media, more)) as pdf:
        site = drawing.locate(pdf, seen_at().position)

    assert site.box == (60, 792 - 140, 260, 792 - 40)


def test_a_crop_box_beside_the_page_is_a_mistake_and_the_medium_counts(page: Callable[..., Path]) -> None:
    output = signed(page(0, b"0 0 595 842", b"/CropBox[1000 1000 1200 1200]"), seen_at())

    with pikepdf.open(output) as pdf:
        assert [round(float(v)) for v in pdf.pages[0].Annots[0].Rect] == [60, 702, 260, 802]


def test_a_page_tree_that_is_a_loop_upwards_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "loop.pdf"
    bodies = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 1/Kids[3 0 R]/Parent 2 0 R>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
    ]
    file.write_bytes(hard_pdfs.assemble(bodies))

    with pytest.raises(DocumentRejected):
        prepared(file, seen_at())


@pytest.mark.parametrize("annotations", [b"[null 7 (x)]", b"7", b"[<</Subtype/Widget/Rect(x)/FT/Sig>>]", b"[99 0 R]"])
def test_annotations_that_are_none_take_no_place(page: Callable[..., Path], annotations: bytes) -> None:
    file = page(0, b"0 0 595 842", b"/Annots " + annotations)

    with suppress(InvalidPdf):  # an /Annots that is no list: no widget can be added to it
        assert b"/Rect[50 " in prepared_update(file, seen_at(TWO_BY_TWO)).before


# -- drawn without a file --------------------------------------------------------------------------

WHEN = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def pictured(rotate: int, appearance: Appearance, when: datetime = WHEN) -> bytes:
    """A page of A4 with what `draw` makes, as an annotation that nobody signs."""
    with pikepdf.open(io.BytesIO(a_page(rotate))) as pdf:
        site = drawing.locate(pdf, appearance.position)
    drawn = drawing.draw(site, appearance, chain_of("p256").certificate, when, 4)
    box = b" ".join(b"%.4f" % side for side in site.box)
    stamp = b"/Annots[<</Type/Annot/Subtype/Stamp/F 4/Rect[%b]/AP<</N %d 0 R>>>>]" % (box, drawn.appearance)
    return hard_pdfs.assemble(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Count 1/Kids[3 0 R]/Rotate %d>>" % rotate,
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]%b/Resources<<>>>>" % stamp,
            *drawn.objects,
        ]
    )


def shown_by_pdfium(content: bytes) -> Image.Image:
    import pypdfium2

    with contextlib.closing(pypdfium2.PdfDocument(content)) as document:
        picture: Image.Image = document[0].render(scale=2).to_pil().convert("RGB")
        return picture


def a_gradient() -> Image.Image:
    return Image.linear_gradient("L").resize((60, 30))


def a_red_window() -> Image.Image:
    picture = Image.new("RGBA", (40, 20), (200, 30, 30, 255))
    picture.paste((0, 0, 250, 90), (5, 5, 20, 15))
    return picture


SEEN: dict[str, Callable[[], Appearance]] = {
    "text-90": lambda: seen_at(text="Signed by {{name}}\nÇãõ ęłŻ ß Ωμέγα Жизнь — “€” Ș"),
    "alpha": lambda: seen_at(
        image=an_image(encoded(a_red_window())),
        text=AppearanceText(
            "Over the image", font_size=20, include_signing_time=True, horizontal_align=HorizontalAlign.RIGHT
        ),
    ),
    "center": lambda: seen_at(
        text=AppearanceText(
            "One\nand two words\n{{issuer}}",
            font_size=17.3,
            horizontal_align=HorizontalAlign.CENTER,
            container=Rectangle(left=20, top=30, right=40, bottom=10),
        )
    ),
    "faint": lambda: seen_at(image=an_image(encoded(a_gradient()), opacity=35, vertical_align=VerticalAlign.TOP)),
    "graya": lambda: seen_at(image=an_image(encoded(Image.merge("LA", (a_gradient(), a_gradient()))))),
}


@pytest.mark.parametrize("name", SEEN)
def test_what_is_drawn_looks_like_what_the_library_drew_before(name: str) -> None:
    """Pixel by pixel: the files in `vectors` were made by pyHanko from the same appearances."""
    before = (Path(hard_pdfs.__file__).parent / "visible" / f"{name}.pdf").read_bytes()

    drawn = shown_by_pdfium(pictured(90 if name == "text-90" else 0, SEEN[name]()))

    assert ImageChops.difference(drawn, shown_by_pdfium(before)).getbbox() is None
    assert ImageChops.difference(drawn, Image.new("RGB", drawn.size, "white")).getbbox() is not None


def test_a_drawing_is_numbered_from_where_it_is_told_and_is_the_same_each_time() -> None:
    with pikepdf.open(io.BytesIO(a_page())) as pdf:
        appearance = seen_at(text="王 Signed", image=an_image(encoded(a_red_window())))
        site = drawing.locate(pdf, appearance.position)
    first, again = (drawing.draw(site, appearance, b"", WHEN, 1000) for _ in range(2))

    assert first == again
    assert first.appearance == 1000 + len(first.objects) - 1
    numbers = {int(n) for text in first.objects for n in re.findall(rb"(\d+) 0 R", text.partition(b"stream")[0])}
    assert numbers == set(range(1000, first.appearance))


@pytest.mark.parametrize("text", ["Nguyễn Văn Ẵ", "王小明 (Wang)", "山田 김철수"])
def test_names_in_other_letters_are_shown_and_can_be_copied(tmp_path: Path, text: str) -> None:
    file = tmp_path / "names.pdf"
    file.write_bytes(pictured(0, seen_at(text=text)))

    require_tools("pdfsig")
    copied = subprocess.run(["pdftotext", str(file), "-"], capture_output=True, text=True, check=True).stdout
    assert copied.strip() == text
    assert verifiers.text(file).strip() == text
    pictures = (shown_by_pdfium(file.read_bytes()).resize((595, 842)), rendered(file))
    inks = [ImageOps.invert(picture.convert("L")).crop((60, 40, 260, 60)).getbbox() for picture in pictures]
    assert inks[0] is not None
    assert near(inks[0], inks[1] or (0, 0, 0, 0), 2)


def test_a_new_page_is_described_and_the_file_left_alone() -> None:
    with pikepdf.open(io.BytesIO(a_page(90))) as pdf:
        site = drawing.locate(pdf, seen_at(page=0, paper=PageOptimization(PaperSize.LETTER)).position)

        assert (site.page, site.turns, site.new_page) == (1, 0, drawing.NewPage(612, 792))
        assert site.box == (60, 792 - 140, 260, 792 - 40)
        assert len(pdf.pages) == 1


# -- the rest --------------------------------------------------------------------------------------


def test_what_was_asked_for_is_drawn_in_what_was_prepared_and_else_nothing(page: Callable[..., Path]) -> None:
    unseen = pades.prepare(page(), trusted("p256"), DigestAlgorithm.SHA256, NOW)

    assert b"/BBox[0 0 0 0]" not in prepared_update(page(), seen_at(text="x")).before
    assert b"/BBox[0 0 0 0]" in unseen.layout_as(PdfLayout).before, "PDF/A wants an appearance, even an empty one"


def test_preflight_can_ask_before_anybody_signs(written: Written) -> None:
    def ask(name: str, wanted: Appearance) -> None:
        with pikepdf.open(written(name)) as pdf:
            drawing.require_possible(pdf, wanted)

    ask("ten-pages", seen_at(page=10, text="x"))
    for impossible in (
        seen_at(page=11),
        seen_at(image=an_image(b"garbage")),
        seen_at(Rectangle(left=0, top=0, width=3, height=3), text="x"),
        seen_at(Rectangle(left=0, top=0, width=3000, height=3)),
    ):
        with pytest.raises(BadAppearance):
            ask("ten-pages", impossible)


def test_an_earlier_invisible_signature_stays_valid_under_a_visible_one(written: Written, nss: Path) -> None:
    file = written("ten-pages")
    layout = pades.prepare(file, trusted("rsa2048"), DigestAlgorithm.SHA256, NOW)
    first = file.with_name("first.pdf")
    pades.embed(file, layout, value(layout, "rsa2048"), first)

    second = signed(first, seen_at(page=-1, text="{{name}}", image=an_image()), "p521")

    verifiers.require_accepted(second, nss, ROOTS, signatures=2)
    assert [s.indication for s in verify(second).signatures] == [Indication.TOTAL_PASSED] * 2


def test_the_font_is_embedded_with_a_name_and_a_map_of_its_own(page: Callable[..., Path]) -> None:
    output = signed(page(), seen_at(text="Signed"))

    with pikepdf.open(output) as pdf:
        font = pdf.pages[0].Annots[0].AP.N.Resources.Font.F
        assert font.Subtype == "/Type0"
        assert re.fullmatch(r"/[A-Z]{6}\+DejaVuSans", str(font.BaseFont))
        assert "/FontFile2" in font.DescendantFonts[0].FontDescriptor
    require_tools("pdfsig")
    fonts = subprocess.run(["pdffonts", str(output)], capture_output=True, text=True, check=True)
    assert "Couldn't" not in fonts.stderr


@pytest.mark.parametrize("level", ["2b", "1b"])
def test_what_is_drawn_is_fit_for_archives(page: Callable[..., Path], tmp_path: Path, level: str) -> None:
    """The checker knows no forms, so the drawing is put into the content of a page; opacity is out of PDF/A-1."""
    from pikepdf import pdfa

    file = tmp_path / "archive.pdf"
    output = signed(page(), seen_at(text="Signed by {{name}} ãę", image=an_image()))
    with pikepdf.open(output) as source, pikepdf.open(io.BytesIO(a_page())) as target:
        drawn = target.copy_foreign(source.pages[0].Annots[0].AP.N)
        target.pages[0].Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(X=drawn))
        target.pages[0].Contents = target.make_stream(b"q /X Do Q")
        pdfa.prepare(target, level)
        pdfa.save(target, file, level)

    assert pdfa.validate_written(file, level).findings == []


def test_a_chain_is_needed_for_the_text_and_only_the_signers_certificate_of_it() -> None:
    chain = CertificateChain(chain_of("p256").certificate)

    assert filled("{{name}} / {{issuer}}", chain.certificate, NOW) == "Signer p256 / Toy root"
    assert Place(0, 0, 1, 1).contains(Place(0, 0, 1, 1))
