"""What is written is read by qpdf as what was meant."""

from __future__ import annotations

import pikepdf
import pytest

from signroom.formats.pdf.visible.writing import Name, Objects, Reference, Value, serialized


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Name("Type"), b"/Type"),
        (Name("a b#/é"), b"/a#20b#23#2f#c3#a9"),
        (Reference(7), b"7 0 R"),
        (0, b"0"),
        (-3, b"-3"),
        (1.5, b"1.5"),
        (2.0, b"2"),
        (10.0, b"10"),
        (0.00001, b"0"),
        (-0.00001, b"0"),
        (1e9, b"1000000000"),
        (b"Adobe", b"(Adobe)"),
        (b"(a\\\r\n)", b"(\\(a\\\\\\r\\n\\))"),
        ([1, 2.5, Name("X")], b"[1 2.5 /X]"),
        ((), b"[]"),
        ({}, b"<<>>"),
        ({"A": {"B": [b"c"]}, "D": Reference(1)}, b"<</A <</B [(c)]>> /D 1 0 R>>"),
    ],
)
def test_each_type_is_written_as_iso_32000_says(value: Value, text: bytes) -> None:
    assert serialized(value) == text


def test_what_is_written_is_read_as_the_same() -> None:
    written = serialized({"N": Name("a b"), "I": 3, "R": -0.5, "S": bytes(range(256)), "L": [1, b"x"]})

    found = pikepdf.Object.parse(written)
    assert str(found.N) == "/a b"
    assert found.I == 3
    assert float(found.R) == -0.5
    assert found.S.as_bytes() == bytes(range(256))
    assert found.L[0] == 1


def test_objects_are_numbered_one_after_the_other() -> None:
    objects = Objects(20)

    assert [objects.add({}), objects.add_stream({}, b"x"), objects.add({})] == [Reference(n) for n in (20, 21, 22)]
    assert objects.texts[0] == b"<<>>"


def test_a_stream_is_deflated_and_has_its_length() -> None:
    objects = Objects(1)
    objects.add_stream({"Type": Name("X")}, b"content" * 100)

    head, _, rest = objects.texts[0].partition(b"\nstream\n")
    data, _, end = rest.rpartition(b"\nendstream")
    found = pikepdf.Object.parse(head)
    assert end == b""
    assert found.Length == len(data)
    assert pikepdf.Stream(pikepdf.new(), data, found).read_bytes() == b"content" * 100
