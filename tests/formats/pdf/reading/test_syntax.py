"""PDF values as raw slices: what is cut out is what readers see, and hostile bytes cost no more than their length."""

from __future__ import annotations

import io
import re
import time
from unittest.mock import patch

import pikepdf
import pytest
from hypothesis import example, given, reject
from hypothesis import strategies as st

from signroom.formats.pdf.reading import syntax
from signroom.formats.pdf.reading.syntax import (
    BadSyntax,
    Dictionary,
    Reference,
    indirect_object,
    integer,
    is_well_formed,
    items,
    may_have_bare_key,
    name_of,
    reference,
    skip_space,
    value_end,
)
from tests.vectors.pdf.builder import document, written

MB = 1 << 20
SPACE = st.sampled_from([b" ", b"\n", b"\r\n", b"\t", b"\0", b"\x0c", b"%a (comment> ]\n", b" %\r", b"  "])
GAP = SPACE | st.just(b"")
SCALARS = st.one_of(
    st.integers(-(10**9), 10**9).map(lambda n: b"%d" % n),
    st.sampled_from([b"null", b"true", b"false", b"0.5", b"-.25", b"1 0 R", b"12 3 R", b"7%c\n0\tR", b"()", b"<>"]),
    st.sampled_from([b"(a(b)c)", b"(\\)\\(\\\\)", b"(>>)", b"(\\\n%no comment)", b"<41 4>", b"(((\\(()))())"]),
    st.sampled_from([b"/Name", b"/A#20B", b"/", b"/1", b"/!$'*+,-.:;=?@^_`|~"]),
)


def _array(values: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.lists(st.tuples(SPACE, values), max_size=5).map(
        lambda all_: b"[" + b"".join(s + v for s, v in all_) + b" ]"
    )


def _dictionary(values: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    keys = st.sampled_from([b"/A", b"/B", b"/#41", b"/C#20D", b"/Annots"])
    entries = st.lists(st.tuples(GAP, keys, SPACE, values, GAP), max_size=4)
    return entries.map(lambda all_: b"<<" + b"".join(b"".join(entry) for entry in all_) + b">>")


VALUES = st.recursive(SCALARS, lambda inner: _array(inner) | _dictionary(inner), max_leaves=8)


@given(SPACE | GAP, VALUES, st.sampled_from([b" ", b"/X", b">>", b"]", b"<", b"(", b"\n%", b"\nendobj"]))
@example(b"", b"1 0 R", b"]")
@example(b"", b"1", b" 0 obj")
def test_a_value_ends_where_it_ends(before: bytes, value: bytes, behind: bytes) -> None:
    data = before + value + behind
    assert value_end(data, 0) == len(before) + len(value)
    assert data[skip_space(data, 0) :].startswith(value)


@given(_array(VALUES))
def test_items_of_an_array_are_as_many_as_qpdf_sees(array: bytes) -> None:
    found = items(array)
    assert len(found) == _by_qpdf(b"<</X%b>>" % array)["/X"]
    assert all(value_end(item, 0) == len(item) for item in found)


@given(_dictionary(VALUES))
def test_names_of_a_dictionary_are_those_that_qpdf_sees(raw: bytes) -> None:
    found = Dictionary(raw)
    # qpdf leaves out what refers to nothing; here 1 is there, and nothing else.
    ours = {name for name in found.names() if _is_there(found.get(name))}
    assert {"/" + name for name in ours} == _by_qpdf(raw).keys()


def _is_there(value: bytes | None) -> bool:
    target = reference(value)
    return value is not None if target is None else target == Reference(1)


def _by_qpdf(raw: bytes) -> dict[str, int]:
    """The names, with how many items there are in each that is an array."""
    file = written(document(1, more={9: raw}))
    with pikepdf.open(io.BytesIO(file)) as pdf:
        found = pdf.get_object(9, 0)
        if not isinstance(found, pikepdf.Dictionary):
            reject()  # with more than 15 faults (keys that are there twice) it is null for qpdf
        return {name: len(found[name]) if isinstance(found[name], pikepdf.Array) else 0 for name in found.keys()}  # noqa: SIM118


@given(_dictionary(VALUES), st.sampled_from(["A", "B", "C D", "New"]), VALUES)
def test_one_entry_is_changed_and_nothing_else(raw: bytes, name: str, value: bytes) -> None:
    old = Dictionary(raw)
    new = Dictionary(old.with_entry(name.replace(" ", "#20") if name not in old.names() else name, value))
    assert new.get(name) == (None if value == b"null" else value)
    assert new.names().count(name) == 1
    assert set(new.names()) == {*old.names(), name}
    assert all(new.get(other) == old.get(other) for other in old.names() if other != name)


@pytest.mark.parametrize(
    ("raw", "name", "right"),
    [
        (b"<</Annots 1 0 R/Annots[]>>", "Annots", b"[]"),  # the last one counts
        (b"<</Anno#74s[1]>>", "Annots", b"[1]"),
        (b"<</A%>>\n 1>>", "A", b"1"),
        (b"<</A null>>", "A", None),
        (b"<</A/B>>", "A", b"/B"),
        (b"<</B 1/A>>", "A", None),  # a value that was forgotten
        (b"<< /A(\\>>)/B<3e>>>", "A", b"(\\>>)"),
    ],
)
def test_odd_dictionaries(raw: bytes, name: str, right: bytes | None) -> None:
    assert Dictionary(raw).get(name) == right
    changed = Dictionary(Dictionary(raw).with_entry(name, b"(new)"))
    assert changed.get(name) == b"(new)"
    assert changed.names().count(name) == 1


def test_a_new_entry_is_no_value_of_a_key_without_one() -> None:
    assert Dictionary(Dictionary(b"<</A>>").with_entry("B", b"1")).get("B") == b"1"


@pytest.mark.parametrize(
    "raw",
    [b"", b" ", b"%", b"(", b"(()", b"(\\", b"<", b"<4", b"[", b"[1", b"<<", b"<</A 1", b"]", b">>", b")", b"}", b"{"],
)
def test_what_does_not_end_is_no_value(raw: bytes) -> None:
    with pytest.raises(BadSyntax):
        value_end(raw, 0)


@pytest.mark.parametrize("raw", [b"[1 >> ]", b"<< ]>>", b"<<1 2>>", b"<</A 1 2>>", b"5", b"[" * 300 + b"]" * 300])
def test_what_is_none(raw: bytes) -> None:
    with pytest.raises(BadSyntax):
        Dictionary(raw)
    with pytest.raises(BadSyntax):
        items(raw)


@given(st.binary(max_size=60) | st.text("()<>[]/% \n1R#obj\\", max_size=60).map(str.encode))
def test_any_bytes_are_a_value_or_bad_syntax(raw: bytes) -> None:
    for read in (
        lambda: value_end(raw, 0),
        lambda: items(raw),
        lambda: Dictionary(raw),
        lambda: indirect_object(raw, 0),
    ):
        try:
            read()
        except BadSyntax:
            continue


_NEVER = re.compile(rb"(?!)")
PIECES = st.sampled_from(b"/A /B#20 / 1 12 0 R < > << >> [ ] ( ) \\ % <41> (a) { null".split()) | st.sampled_from(
    [b" ", b"\n", b"\0", b"1 0 R", b"%c\n", b"<" + b"4" * 300 + b">"]
)


@given(_dictionary(VALUES) | st.lists(PIECES, max_size=12).map(lambda pieces: b"<</A " + b"".join(pieces) + b">>"))
@example(b"<</A 1 0/B 2>>")
@example(b"<</A 1 %c\n0 R>>")
@example(b"<</A<41<42>/B 1>>")
def test_what_is_read_in_one_step_is_what_is_read_step_by_step(raw: bytes) -> None:
    at_once = _outcome(raw)
    with patch.object(syntax, "_USUAL_ENTRY", _NEVER), patch.object(syntax, "_USUAL", _NEVER):
        assert at_once == _outcome(raw)


def _outcome(raw: bytes) -> tuple[bool, object]:
    try:
        found = Dictionary(raw)
    except BadSyntax as error:
        return is_well_formed(raw), str(error)
    return is_well_formed(raw), [(name, found.get(name), found.place(name)) for name in found.names()]


@pytest.mark.parametrize("inside", [b"4", b"4<"])
@pytest.mark.parametrize("length", [100, 1000, 100_000])
def test_a_long_string_ends_where_a_short_one_does(inside: bytes, length: int) -> None:
    text = b"<" + inside * (length // len(inside)) + b">"
    for raw in (b"<</A/B/Contents%b/C[1 2]>>" % text, b"[1 %b<</A %b>>]" % (text, text)):
        assert value_end(raw + b"/X", 0) == len(raw)
        assert is_well_formed(raw)
    assert Dictionary(b"<</Contents%b/C 1>>" % text).get("Contents") == text
    assert items(b"[%b 1]" % text) == [text, b"1"]


def test_a_long_string_counts_as_it_did() -> None:
    """What fits counts among the bytes of the value; what the limit would cut does not."""
    text = b"<" + b"4" * (MB // 2) + b">"
    filler = b"(" + b"a" * (MB // 2) + b")"
    with pytest.raises(BadSyntax):
        value_end(b"[%b%b]" % (text, filler), 0)
    assert value_end(b"[%b%b]" % (filler, text), 0) == len(text) + len(filler) + 2


@pytest.mark.parametrize(
    "unit",
    [b"(", b"<", b"[", b"%", b"%\n", b"1", b"1 ", b" ", b"/", b"\\", b"(\\", b"[]", b"[[]]", b"<<>>", b"()", b"<>"],
)
@pytest.mark.parametrize("before", [b"", b"[", b"<</A[", b"("])
def test_hostile_bytes_cost_little_more_than_reading_them(before: bytes, unit: bytes) -> None:
    assert _seconds(before + unit * (10 * MB // len(unit))) < 5  # 0.5 at most on a machine that does nothing else


def _seconds(data: bytes) -> float:
    start = time.process_time()
    for read in (value_end, indirect_object, Dictionary.at):
        try:
            read(data, 0)
        except BadSyntax:
            continue
    return time.process_time() - start


def test_a_long_value_or_list_is_refused_and_a_usual_one_is_not() -> None:
    usual = b"[" + b"12345 0 R " * 50_000 + b"]"
    assert len(items(usual)) == 50_000
    for raw in (b"[" + b"12345 0 R " * 110_000 + b"]", b"[" + b"1 " * 110_000 + b"]", b"(" + b"a" * 2 * MB + b")"):
        with pytest.raises(BadSyntax, match="too long"):
            items(raw) if raw[:1] == b"[" else value_end(raw, 0)
    with pytest.raises(BadSyntax, match="too long"):
        Dictionary(b"<<" + b"/A 1" * 110_000 + b">>")


def test_many_equal_keys_are_changed_in_one_pass() -> None:
    start = time.process_time()
    found = Dictionary(b"<<" + b"/A 1" * 90_000 + b"/B 2>>")
    changed = Dictionary(found.with_entry("A", b"3"))
    assert (changed.get("A"), changed.get("B"), changed.names()) == (b"3", b"2", ["A", "B"])
    assert time.process_time() - start < 10


@pytest.mark.parametrize(
    ("raw", "right"),
    [
        (b"1 0 R", Reference(1)),
        (b" 12\n3\tR ", Reference(12, 3)),
        (b"1%c\n0 R", Reference(1)),
        (b"1 0 RG", None),
        (b"1 0", None),
        (b"-1 0 R", None),
        (b"1.0 0 R", None),
        (b"[1 0 R]", None),
        (None, None),
    ],
)
def test_references(raw: bytes | None, right: Reference | None) -> None:
    assert reference(raw) == right


def test_numbers_and_names() -> None:
    assert [integer(raw) for raw in (b"12", b" -3 ", b"+4", b"5.0", b"x", b"", None)] == [
        12,
        -3,
        4,
        None,
        None,
        None,
        None,
    ]
    assert [name_of(raw) for raw in (b"/A", b"/A#42", b"/#zz", b"/", b"/#e9")] == ["A", "AB", "#zz", "", "\xe9"]


@pytest.mark.parametrize(
    ("raw", "value", "stream"),
    [
        (b"3 1 obj<</A 1>>endobj", b"<</A 1>>", None),
        (b" 3 1 obj\n5\nendobj", b"5", None),
        (b"3 1 obj endobj", b"null", None),
        (b"3 1 obj\n<</Length 1>>stream\r\nx\nendstream", b"<</Length 1>>", 29),
        (b"3 1 obj\n<</Length 1>>\n%c\nstream\nx", b"<</Length 1>>", 32),
    ],
)
def test_objects(raw: bytes, value: bytes, stream: int | None) -> None:
    found = indirect_object(raw, 0)
    assert (found.reference, found.value, found.stream_at) == (Reference(3, 1), value, stream)


@pytest.mark.parametrize("raw", [b"3 1 object", b"31 obj", b"x 3 1 obj", b"", b"3 1 obj", b"3 1 obj ]"])
def test_no_objects(raw: bytes) -> None:
    with pytest.raises(BadSyntax):
        indirect_object(raw, 0)


@pytest.mark.parametrize(
    ("raw", "right"),
    [
        (b"<</A/B/C<</D[1 2 R 0 R]/E()>>/F 1 0 R/G[<</H null>>[(]>>)<3e3e>]]/I % >>\n/>>", True),
        (b"[1 0 R<</A 1 0 R>>/B]", True),
        (b"<</SV<</Filte//Adobe.PPKLite>>>>", False),
        (b"<</A[<</B 1/C>>]/D 2>>", False),
        (b"[[<</A>>]]", False),
        (b"<</A<</B 1 0 R 2>>>>", False),
        (b"<</A<<(B)/C>>>>", False),
        (b"<</A>>", False),
        (b"<</A{}>>", False),
    ],
)
def test_a_key_without_a_value_at_any_depth(raw: bytes, right: bool) -> None:
    assert is_well_formed(raw) is right


def test_a_name_that_was_written_with_a_space() -> None:
    raw = b"<</FontName/Arial,Unicode MS/StemV 0/Type/FontDescriptor>>"
    assert not is_well_formed(raw)
    assert is_well_formed(raw, with_more_words=True)
    assert may_have_bare_key(b"5 0 obj" + raw[:-2] + b"/A>>")
    assert not is_well_formed(raw[:-2] + b"/A>>", with_more_words=True)
    assert not is_well_formed(b"<</A B<</C 1>>>>", with_more_words=True)


def test_whether_a_long_value_is_well_formed_is_told_in_a_moment() -> None:
    begun = time.process_time()
    assert is_well_formed(b"<</A[" + b"<</B[1 0 R]>>" * 8_000 + b"]>>")
    assert is_well_formed(b"[" * 50_000 + b"]" * 50_000)
    assert not is_well_formed(b"<</A" * 25_000)
    for piece in (b"<</A[<<", b"<</A((", b"<</A%", b"/", b"<</A["):
        may_have_bare_key(b"5 0 obj " + piece * 5_000 + b"/B>>")
    assert time.process_time() - begun < 3
