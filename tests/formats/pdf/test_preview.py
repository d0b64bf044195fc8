"""A page becomes a picture and words, whatever the file; a hostile one costs its worker and nothing else."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from signroom.domain.errors import PreviewNotAvailable
from signroom.formats.pdf import preview
from signroom.formats.pdf.preview import find_words, page_sizes, render, text
from signroom.ports.files import PagesOfASize
from tests.formats.conftest import signed
from tests.sandbox.calls import WaitingPool
from tests.vectors import hard_pdfs

Written = Callable[[str], Path]


def picture(file: Path, page: int = 0, width: int = 600) -> Image.Image:
    return Image.open(io.BytesIO(render(file, page, width)))


def darkest(shown: Image.Image) -> int:
    low = shown.convert("L").getextrema()[0]
    assert isinstance(low, int)
    return low


def test_a_page_is_drawn_as_wide_as_it_is_wanted(written: Written) -> None:
    shown = picture(written("plain"), width=600)

    assert shown.format == "PNG"
    assert shown.width == 600
    assert abs(shown.height - 600 * 842 / 595) < 2
    assert darkest(shown) < 100


@pytest.mark.parametrize(
    "name",
    [*(n for n in hard_pdfs.GOOD if n != "content-bomb"), "certified-forms", "broken-objects", "external", "scripts"],
)
def test_every_good_or_odd_file_is_drawn(written: Written, name: str) -> None:
    assert picture(written(name)).width == 600


def test_a_rotated_and_cropped_page_is_drawn_as_readers_show_it(written: Written) -> None:
    shown = picture(written("odd-pages"))

    assert (shown.width, shown.height) == (600, 600)


def test_a_huge_page_is_drawn_within_the_limits(tmp_path: Path) -> None:
    file = tmp_path / "high.pdf"
    file.write_bytes(hard_pdfs.make("plain").replace(b"[0 0 595 842]", b"[0 0 100 999]"))

    shown = picture(file, width=1600)

    assert shown.width * shown.height <= 6_100_000


def test_form_fields_and_signatures_are_drawn(written: Written) -> None:
    file = written("acroform")

    assert darkest(picture(file)) < 100
    assert picture(signed(written("plain"), "p256")).width == 600


def test_a_late_page_of_a_long_file_costs_no_more_than_the_first(tmp_path: Path) -> None:
    file = tmp_path / "long.pdf"
    file.write_bytes(hard_pdfs.with_pages(2000))
    started = time.process_time()

    assert picture(file, 1999).width == 600
    assert time.process_time() - started < 3


def test_the_words_of_a_page_are_those_on_it(written: Written) -> None:
    file = written("ten-pages")

    assert text(file, 0) == "Page 3: the parties agree."
    assert text(file, 9) == "Page 21: the parties agree."


def test_a_photograph_is_a_jpeg_of_few_bytes(tmp_path: Path) -> None:
    """As PNG it took ten times as long, and a page of a scanned contract had several megabytes."""
    noise = Image.effect_noise((600, 800), 80)
    scan = Image.merge("RGB", [noise, noise.rotate(180), noise.transpose(Image.Transpose.FLIP_LEFT_RIGHT)])
    scan.save(tmp_path / "scan.pdf")

    assert picture(tmp_path / "scan.pdf").format == "JPEG"


def test_the_sizes_are_those_of_the_pictures(written: Written, tmp_path: Path) -> None:
    turned = page_sizes(written("odd-pages"))[0]
    shown = picture(written("odd-pages"))
    mixed = tmp_path / "mixed.pdf"
    mixed.write_bytes(hard_pdfs.with_pages(4).replace(b"[0 0 595 842]", b"[0 0 842 595]", 2))

    assert turned.width / turned.height == shown.width / shown.height
    assert page_sizes(mixed) == (PagesOfASize(2, 842, 595), PagesOfASize(2, 595, 842))


def test_so_many_sizes_are_told_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "MAX_SIZES", 2)
    file = tmp_path / "sizes.pdf"
    content = hard_pdfs.with_pages(5)
    for number in range(5):
        content = content.replace(b"[0 0 595 842]", b"[0 0 59%d 841]" % number, 1)
    file.write_bytes(content)

    assert page_sizes(file) == (PagesOfASize(1, 590, 841), PagesOfASize(4, 591, 841))


def test_words_are_where_the_picture_shows_them(written: Written) -> None:
    file = written("ten-pages")
    (hit,) = find_words(file, "page 21", 0).found
    shown = picture(file, hit.page, 1200)
    (area,) = hit.areas
    right, bottom = area.left + area.width, area.top + area.height
    inside = shown.crop((area.left * shown.width, area.top * shown.height, right * shown.width, bottom * shown.height))

    assert hit.page == 9
    assert darkest(inside) < 100
    assert area.height < 0.05


def test_a_long_search_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "long.pdf"
    file.write_bytes(hard_pdfs.with_pages(20))
    monkeypatch.setattr(preview, "_SEARCH_SECONDS", 0)

    first = find_words(file, "agree", 0)

    assert [hit.page for hit in first.found] == [0]
    assert first.next_page == 1
    assert [hit.page for hit in find_words(file, "agree", 1).found] == [1]
    assert find_words(file, "agree", 19).next_page is None
    monkeypatch.setattr(preview, "_SEARCH_SECONDS", 60)
    assert len(find_words(file, "agree", 0).found) == 20
    monkeypatch.setattr(preview, "_MAX_FOUND", 3)
    assert find_words(file, "agree", 0).next_page == 3


@pytest.mark.parametrize("name", ["paper-of-a-line", "truncated", "encrypted-user", "text", "no-page"])
def test_what_cannot_be_drawn_is_refused(written: Written, name: str) -> None:
    with pytest.raises(PreviewNotAvailable):
        render(written(name), 0, 600)


@pytest.mark.parametrize("show", [lambda f: render(f, 10, 600), lambda f: text(f, 10)])
def test_a_page_that_is_not_there_is_refused(written: Written, show: Callable[[Path], object]) -> None:
    with pytest.raises(PreviewNotAvailable, match="no such page"):
        show(written("ten-pages"))


@pytest.fixture
def pool() -> Iterator[WaitingPool]:
    found = WaitingPool(workers=1)
    yield found
    found.close()


def test_a_page_that_takes_too_much_costs_its_worker_and_the_next_one_is_drawn(
    pool: WaitingPool, written: Written
) -> None:
    with pytest.raises(PreviewNotAvailable, match="takes too much"):
        pool.preview(written("drawing-bomb"), 0, 600)

    assert pool.preview(written("plain"), 0, 600).startswith(b"\x89PNG")
    assert pool.page_text(written("plain"), 0) == "Page 3: the parties agree."
