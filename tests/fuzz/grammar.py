"""PDFs made by a grammar: legal ones in every odd way to write them, and some that are not.

Every page shows "Page n: the parties agree.". What a file means is decided first (`_Meaning`), then how it is written,
in one or several revisions, and last what is wrong with it.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Literal

import pikepdf

from tests.fuzz.mutations import MUTATIONS
from tests.vectors.pdf import builder
from tests.vectors.pdf.builder import FREE, Writer, text_of_page
from tests.vectors.pdf.signing import signed_by_another

_SPACES = (b" ", b"\n", b"\r\n", b"\t", b"  ", b" %c\n", b"\0", b"\f", b"\r", b" % >> endobj\r\n")
_WRONG = (
    *("odd_structure", "duplicate_key", "change_row", "wrong_startxref", "double_end", "hide_object", "copy_object"),
    *("around", "rename_key", "redirect", "cut_table", "drop_entry", "swap_objects", "append_revision"),
)


def generated(dice: Random) -> tuple[bytes, str]:
    """A file, and in a few words what is special about it."""
    file = _File(dice)
    content = file.written()
    if dice.random() < 0.07:
        content = _encrypted(file, content)
    if dice.random() < 0.1:
        content = _signed(file, content)
    for _ in range(dice.choice((0, 0, 0, 1, 1, 2))):
        name = dice.choice(_WRONG)
        content = MUTATIONS[name](dice, content, b"")
        file.notes.append(name)
    return content, " ".join(file.notes)


def _encrypted(file: _File, content: bytes) -> bytes:
    dice, target = file.dice, io.BytesIO()
    allowed = pikepdf.Permissions(modify_annotation=dice.random() < 0.9, modify_form=dice.random() < 0.9)
    versions: tuple[Literal[2, 3, 4, 6], ...] = (2, 3, 4, 6)
    version = dice.choice(versions)
    how = pikepdf.Encryption(
        owner="owner", user="", R=version, allow=allowed, aes=version > 3 and dice.random() < 0.7, metadata=version > 3
    )
    mode = dice.choice((pikepdf.ObjectStreamMode.generate, pikepdf.ObjectStreamMode.disable))
    try:
        with pikepdf.open(io.BytesIO(content)) as pdf:
            # Initial values are random: files of one number differ there.
            pdf.save(target, encryption=how, object_stream_mode=mode, linearize=dice.random() < 0.2)
    except (pikepdf.PdfError, ValueError, RuntimeError):
        return content
    file.notes.append(f"encrypted-{version}")
    return target.getvalue()


def _signed(file: _File, content: bytes) -> bytes:
    try:
        signed = signed_by_another(content)
        if file.dice.random() < 0.3:
            signed = signed_by_another(signed, field=b"Second")
    except (pikepdf.PdfError, ValueError, TypeError, AttributeError, LookupError, RuntimeError, AssertionError):
        return content
    file.notes.append("signed")
    return signed


@dataclass
class _File:
    """A document in the making."""

    dice: Random
    objects: dict[int, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    generations: dict[int, int] = field(default_factory=dict)
    oddity: float = 0.0
    """How often something is written in an unusual way."""
    pages: list[int] = field(default_factory=list)
    taken: int = 0
    """The highest number that an object stream or a cross-reference stream has."""
    _next: int = 1

    @property
    def highest(self) -> int:
        return max(self.taken, *self.objects)

    # -- values -------------------------------------------------------------------------------------

    def new(self, body: bytes = b"") -> int:
        """A number for an object; some are left out."""
        number = self._next
        self._next += 1 if self.maybe(0.9) else self.dice.choice((2, 3, 40))
        if self.odd(0.1):
            self.generations[number] = self.dice.choice((1, 2, 7, 65_534))
        self.objects[number] = body
        return number

    def maybe(self, chance: float) -> bool:
        return self.dice.random() < chance

    def odd(self, weight: float = 1.0) -> bool:
        return self.dice.random() < self.oddity * weight

    def reference(self, number: int) -> bytes:
        space = self.dice.choice(_SPACES) if self.odd(0.3) else b" "
        return b"%d%b%d%bR" % (number, space, self.generations.get(number, 0), space)

    def value(self, body: bytes, indirect: float = 0.0) -> bytes:
        """`body`, or a reference to it."""
        return self.reference(self.new(body)) if self.maybe(indirect) or self.odd(0.3) else body

    def name(self, text: str) -> bytes:
        if not self.odd(0.2):
            return b"/" + text.encode()
        at = self.dice.randrange(len(text))
        return f"/{text[:at]}#{ord(text[at]):02{self.dice.choice('xX')}}{text[at + 1 :]}".encode()

    def space(self) -> bytes:
        return self.dice.choice(_SPACES) if self.odd(0.4) else b""

    def dictionary(self, entries: Mapping[str, bytes | None]) -> bytes:
        """Some keys are written twice, some that are absent as null, in any order."""
        pairs: list[tuple[str, bytes]] = []
        for name, value in entries.items():
            if value is None:
                pairs += [(name, b"null")] if self.odd(0.2) else []
                continue
            if self.odd(0.1):
                pairs.append((name, self.dice.choice((value, b"null", b"0", b"[]", b"<<>>", b"1 0 R"))))
            pairs.append((name, value))
        if self.odd(0.2):
            pairs.append(("Xyz", self.dice.choice((b"null", b"(a)b\\))"[:3], b"<3e3E>", b"[<<>>[]/ ]", b"99 0 R"))))
        if self.odd(0.2):
            self.dice.shuffle(pairs)
        out = b"<<"
        for name, value in pairs:
            gap = b"" if value[:1] in b"/[(<" else b" "
            out += self.space() + self.name(name) + (self.space() or gap) + value
        return out + self.space() + b">>"

    def array(self, items: list[bytes]) -> bytes:
        return b"[" + self.space() + (self.space() or b" ").join(items) + self.space() + b"]"

    def stream(self, data: bytes, entries: Mapping[str, bytes | None] | None = None) -> bytes:
        filters: bytes | None = None
        match self.dice.randrange(6):
            case 0:
                data, filters = zlib.compress(data), b"/FlateDecode"
            case 1 if self.odd():
                data, filters = data.hex().encode() + b">", b"[/ASCIIHexDecode]"
            case 2 if self.odd():
                data, filters = zlib.compress(data).hex().encode() + b">", b"[/AHx/Fl]"
        length = self.value(b"%d" % len(data), 0.1)
        if self.odd(0.05):
            length = self.dice.choice((b"0", b"%d" % (len(data) + 9), b"99 0 R", b"null"))
        head = self.dictionary({**(entries or {}), "Filter": filters, "Length": length})
        start = self.dice.choice((b"\n", b"\r\n")) if self.odd() else b"\n"
        end = b"" if self.odd(0.1) else b"\n"
        return head + self.space().replace(b"%c\n", b"") + b"stream" + start + data + end + b"endstream"

    # -- the document -------------------------------------------------------------------------------

    def written(self) -> bytes:
        self.oddity = self.dice.choice((0.0, 0.1, 0.3, 0.6))
        root = self.new()
        tree = self.new()
        font = self.new(b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
        count = self.dice.randrange(1, 7)
        self.objects[tree] = self._node(list(range(1, count + 1)), None, font, 0, tree)
        form = self._form()
        self.objects[root] = self.dictionary(
            {
                "Type": self.name("Catalog") if not self.odd(0.1) else None,
                "Pages": self.reference(tree),
                "AcroForm": form,
                "Lang": b"(en)" if self.maybe(0.2) else None,
                "PageLayout": b"/SinglePage" if self.maybe(0.2) else None,
                "Metadata": self.reference(self.new(self._metadata())) if self.maybe(0.2) else None,
            }
        )
        return _Layout(self, root).file()

    def _metadata(self) -> bytes:
        data = self.dice.choice((b"", b"<x:xmpmeta/>", b"<a>&</a>\0", b"\xff\xfe"))
        return builder.stream(data, b"/Type/Metadata/Subtype/XML")

    def _node(self, pages: list[int], parent: int | None, font: int, depth: int, number: int) -> bytes:
        """A page tree over the pages with these numbers."""
        kids: list[bytes] = []
        left = list(pages)
        inherits = depth == 0 or self.maybe(0.2)
        while left:
            size = self.dice.randrange(1, len(left) + 1) if depth < 3 and self.maybe(0.3) else 0
            if size:
                inner = self.new()
                self.objects[inner] = self._node(left[:size], number, font, depth + 1, inner)
                kids.append(self.reference(inner))
                left = left[size:]
            else:
                kids.append(self.reference(self._page(left.pop(0), number, font)))
        if self.odd(0.1):
            kids.insert(self.dice.randrange(len(kids) + 1), self.dice.choice((b"null", b"99 0 R", b"0 0 R", b"/X")))
        count = b"%d" % len(pages)
        if self.odd(0.05):
            count = self.dice.choice((b"0", b"-1", b"1", b"99", b"null", b"(2)"))
        return self.dictionary(
            {
                "Type": self.name("Pages") if not self.odd(0.1) else None,
                "Parent": None if parent is None or self.odd(0.1) else self.reference(parent),
                "Kids": self.value(self.array(kids), 0.1),
                "Count": None if self.odd(0.05) else self.value(count, 0.05),
                "MediaBox": self.value(b"[0 0 420 842]", 0.1) if inherits else None,
                "Resources": self.value(self._resources(font), 0.3) if inherits else None,
                "Rotate": self.dice.choice((b"0", b"90", b"-90")) if self.maybe(0.1) else None,
            }
        )

    def _resources(self, font: int) -> bytes:
        fonts = self.dictionary({"F1": self.reference(font)})
        return self.dictionary({"Font": self.value(fonts, 0.1), "ProcSet": b"[/PDF/Text]" if self.maybe(0.2) else None})

    def _page(self, index: int, parent: int, font: int) -> int:
        number = self.new()
        self.pages.append(number)
        own = self.maybe(0.3)
        self.objects[number] = self.dictionary(
            {
                "Type": self.name("Page") if not self.odd(0.1) else None,
                "Parent": None if self.odd(0.05) else self.reference(parent),
                "Contents": self._contents(text_of_page(index)),
                "MediaBox": b"[0 0 420 842]" if own else None,
                "Resources": self._resources(font) if own else None,
                "Annots": self._annotations(number),
                "Rotate": b"180" if self.maybe(0.03) else None,
                "UserUnit": b"1.0" if self.odd(0.1) else None,
            }
        )
        return number

    def _contents(self, text: str) -> bytes:
        drawing = b"BT /F1 24 Tf 72 720 Td (%b) Tj ET" % text.encode()
        match self.dice.randrange(5):
            case 0:
                parts = [b"q ", b" ", drawing, b" Q"]
                streams = [self.reference(self.new(self.stream(part))) for part in parts]
                return self.value(self.array(streams), 0.3)
            case 1:
                return self.array([self.reference(self.new(self.stream(drawing)))])
            case _:
                return self.reference(self.new(self.stream(drawing)))

    def _annotations(self, page: int) -> bytes | None:
        match self.dice.randrange(9):
            case 0:
                return self.dice.choice((b"null", b"99 0 R", b"[]", b"<<>>", b"0", b"[null]", b"(x)", b"[99 0 R]"))
            case 1 | 2 | 3:
                found = [self._annotation(page) for _ in range(self.dice.randrange(1, 4))]
                return self.value(self.array(found), 0.4)
            case _:
                return None

    def _annotation(self, page: int) -> bytes:
        seen = builder.stream(b"1 0 0 rg 0 0 40 40 re f", b"/Type/XObject/Subtype/Form/BBox[0 0 40 40]")
        body = self.dictionary(
            {
                "Type": b"/Annot" if self.maybe(0.9) else None,
                "Subtype": self.dice.choice((b"/Square", b"/Text", b"/Link", b"/Stamp")),
                "Rect": b"[%d 100 %d 140]" % ((left := self.dice.randrange(0, 300)), left + 40),
                "P": self.reference(page) if self.maybe(0.5) else None,
                "F": b"4" if self.maybe(0.7) else None,
                "AP": b"<</N %b>>" % self.reference(self.new(seen)) if self.maybe(0.7) else None,
                "Contents": b"(a \\) comment)" if self.maybe(0.4) else None,
            }
        )
        return self.value(body, 0.8)

    def _form(self) -> bytes | None:
        match self.dice.randrange(8):
            case 0:
                return self.dice.choice(
                    (b"null", b"99 0 R", b"<<>>", b"<</Fields null>>", b"<</Fields[]>>", b"[]", b"7")
                )
            case 1 | 2 | 3:
                fields = [self._field(0) for _ in range(self.dice.randrange(1, 4))]
                body = self.dictionary(
                    {
                        "Fields": self.value(self.array(fields), 0.3),
                        "SigFlags": self.dice.choice((b"0", b"1", b"3", b"null")) if self.maybe(0.4) else None,
                        "DA": b"(/Helv 0 Tf 0 g)" if self.maybe(0.5) else None,
                        "NeedAppearances": self.dice.choice((b"true", b"false")) if self.maybe(0.3) else None,
                    }
                )
                return self.value(body, 0.6)
            case _:
                return None

    def _field(self, depth: int, parent: int | None = None) -> bytes:
        number = self.new()
        kids = None
        if depth < 2 and self.maybe(0.3):
            kids = self.array([self._field(depth + 1, number) for _ in range(self.dice.randrange(1, 3))])
        kind = self.dice.choice((b"/Tx", b"/Tx", b"/Btn", b"/Sig"))
        widget = kids is None
        page = self.dice.choice(self.pages)
        self.objects[number] = self.dictionary(
            {
                "FT": kind if widget else None,
                "T": b"(F%d)" % number if not self.odd(0.1) else None,
                "Parent": None if parent is None else self.reference(parent),
                "Kids": kids,
                "Type": b"/Annot" if widget else None,
                "Subtype": b"/Widget" if widget else None,
                "Rect": b"[10 10 60 30]" if widget else None,
                "P": self.reference(page) if widget and self.maybe(0.7) else None,
                "V": b"(written)" if kind == b"/Tx" and widget and self.maybe(0.5) else None,
                "DA": b"(/Helv 0 Tf 0 g)" if widget and kind == b"/Tx" else None,
            }
        )
        return self.reference(number)


# -- how it is written ------------------------------------------------------------------------------


@dataclass
class _Layout:
    """Puts the objects into one or several revisions, each with a cross-reference of its own kind."""

    of: _File
    root: int

    def file(self) -> bytes:
        of, dice = self.of, self.of.dice
        header = dice.choice((builder.HEADER, b"%PDF-1.4\n", b"%PDF-1.7\r\n%\xe2\xe3\xcf\xd3\r\n", b"%PDF-2.0\n"))
        writer = Writer(bytearray(header))
        revisions = dice.choice((1, 1, 1, 2, 3, 4))
        form = dice.choice(("table", "stream", "hybrid"))
        of.notes.append(f"{len(of.pages)}-pages")
        last = [number for number in of.objects if number > self.root] if revisions > 1 else []
        late = set(dice.sample(last, min(len(last) // 3, 4)))
        self._section(writer, {n: b for n, b in of.objects.items() if n not in late}, form, first=True)
        for left in range(revisions - 2, -1, -1):
            form = form if of.maybe(0.7) else dice.choice(("table", "stream", "hybrid"))
            again = dice.sample(sorted(of.objects), min(len(of.objects), dice.randrange(0, 3)))
            wanted = {*again, *(late if left == 0 else ())}
            self._section(writer, {number: of.objects[number] for number in wanted}, form, first=False)
        return writer.file

    def _section(self, writer: Writer, objects: Mapping[int, bytes], form: str, *, first: bool) -> None:
        of, dice = self.of, self.of.dice
        of.notes.append(form)
        order = list(objects)
        if of.odd():
            dice.shuffle(order)
        streams = {n for n in order if b"stream" in objects[n] or of.generations.get(n)}
        packed: dict[int, bytes] = {}
        if form != "table" and of.maybe(0.8):
            packed = {n: objects[n] for n in order if n not in streams and of.maybe(0.7)}
        if form == "hybrid" and of.maybe(0.9):
            # Many readers do not look for what a table calls free: pages would not be shown.
            packed = {n: body for n, body in packed.items() if b"Annot" in body or b"/FT" in body}
        if form == "hybrid" or of.maybe(0.3):
            packed.pop(self.root, None)
        for number in order:
            if number not in packed:
                self._add(writer, number, objects[number])
        trailer = self._trailer(writer, first=first)
        if form == "table":
            writer.places.update(self._freed(first=first))
            size, startxref = self._wrong(of.highest + 1)
            whole = first or of.maybe(0.5) or not writer.places
            writer.table(trailer, first=whole, size=size, startxref=startxref)
            return
        beyond = of.highest + 1
        of.taken = beyond + 1
        size, startxref = self._wrong(beyond + 2)
        plain = dict(writer.places)
        if form == "hybrid":
            writer.places = {}
        if packed:
            # Numbers that nothing refers to: what is behind an index must not be found.
            unlisted = {dice.choice(sorted(of.objects)): b"<</Type/Nothing>>"} if of.odd(0.2) else None
            if unlisted is not None and unlisted.keys() & packed.keys():
                unlisted = None
            writer.pack(beyond, packed, dice.choice((zlib.compress, _synced)), unlisted)
        if form == "stream":
            compress = dice.choice((zlib.compress, None, _synced))
            writer.stream(beyond + 1, trailer, compress=compress, size=size, startxref=startxref)
            return
        at = len(writer.out)
        writer.xref_stream(beyond + 1, b"")
        writer.places = {**dict.fromkeys(writer.places, FREE), **plain}
        writer.table(trailer + b"/XRefStm %d" % at, size=size, startxref=startxref)

    def _add(self, writer: Writer, number: int, body: bytes) -> None:
        of = self.of
        if of.odd(0.1):
            # An older definition that no table leads to.
            writer.out += b"%d 0 obj\n%b\nendobj\n" % (number, body.replace(b"agree", b"argue"))
        if of.odd(0.2):
            writer.out += of.dice.choice((b"\n", b"% a comment\n", b"\r\n", b"   ", b"\0\n"))
        generation = of.generations.get(number, 0)
        if not of.odd(0.2):
            writer.add(number, body, generation)
            return
        writer.places[number] = (1, len(writer.out), generation)
        gap = of.dice.choice((b" ", b"\r\n", b"\n", b"  "))
        end = of.dice.choice((b"\nendobj\n", b"\r\nendobj\r\n", b" endobj ", b"\rendobj\r"))
        writer.out += b"%d %d obj%b%b%b" % (number, generation, gap, body, end)

    def _freed(self, *, first: bool) -> dict[int, tuple[int, int, int]]:
        of = self.of
        holes = [n for n in range(1, max(of.objects)) if n not in of.objects]
        return dict.fromkeys(holes, FREE) if first else {}

    def _trailer(self, writer: Writer, *, first: bool) -> bytes:
        of, dice = self.of, self.of.dice
        entries: dict[str, bytes | None] = {"Root": of.reference(self.root)}
        if not first:
            entries["Prev"] = b"%d" % writer.section
            if of.odd(0.05):
                entries["Prev"] = dice.choice((b"0", b"%d" % (writer.section + 1), b"9", b"%d.0" % writer.section))
        if of.maybe(0.5):
            entries["ID"] = dice.choice((b"[<00><11>]", b"[(a)(b)]", b"[<00>]", b"7", b"[]", b"[<00><11>]"))
        if of.maybe(0.3):
            entries["Info"] = dice.choice((b"<</Producer(x)>>", b"null", b"99 0 R", b"7", b"[]"))
        return of.dictionary(entries)[2:-2] + b" "

    def _wrong(self, right: int) -> tuple[bytes, Callable[[int], int]]:
        """/Size, which may be too small, too large or absent; and what is written for an address, which may be off."""
        of, dice = self.of, self.of.dice
        size, shift = b"%d" % right, 0
        if of.odd(0.15):
            size = dice.choice((b"", b"0", b"3", b"5", b"%d" % (right - 1), b"%d" % (right + 50), b"8388608"))
        if of.odd(0.05):
            shift = dice.choice((-9, -1, 1, 3, 15, 40))
        return size, lambda at: at + shift


def _synced(data: bytes) -> bytes:
    """zlib data that end in a sync flush, as some writers make them."""
    packer = zlib.compressobj()
    return packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)
