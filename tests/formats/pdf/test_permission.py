"""What the author, earlier signers and the owner's password forbid is refused, with what to do; the rest is not."""

from __future__ import annotations

import io
from typing import Any

import pikepdf
import pytest

from signroom.domain.errors import CertifiedPdf, ProtectedPdf, XfaPdf
from signroom.formats.pdf.permission import certification_level, require_signable
from tests.vectors import hard_pdfs

NAME = "Signature-1"


def opened(content: bytes) -> pikepdf.Pdf:
    return pikepdf.open(io.BytesIO(content))


def with_catalog(more: bytes, *objects: bytes) -> pikepdf.Pdf:
    """`objects` are numbered from 4 on."""
    bodies = [
        b"<</Type/Catalog/Pages 2 0 R" + more + b">>",
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
        *objects,
    ]
    return opened(hard_pdfs.assemble(bodies))


def a_reference(method: bytes, parameters: bytes) -> bytes:
    return b"<</Type/Sig/Contents<00>/Reference[<</TransformMethod/%b/TransformParams%b>>]>>" % (method, parameters)


def filled(signature: bytes, lock: bytes = b"null") -> pikepdf.Pdf:
    field = b"<</T(Approver)/FT/Sig/V 5 0 R/Lock " + lock + b">>"
    return with_catalog(b"/AcroForm<</Fields[4 0 R]>>", field, signature)


@pytest.mark.parametrize(
    ("name", "refusal", "what"),
    [
        ("certified-no-changes", CertifiedPdf, "DocMDP 1.*Ask its author"),
        ("locked-fields", CertifiedPdf, "'Approver' locks all fields.*Ask that signer"),
        ("locked-other-fields", CertifiedPdf, "'Approver' locks all fields"),
        ("locked-document", CertifiedPdf, "'Approver' locks the document"),
        ("xfa-dynamic", XfaPdf, "flattened"),
    ],
)
def test_a_refusal_says_what_stands_in_the_way_and_what_to_do(name: str, refusal: type[Exception], what: str) -> None:
    with pytest.raises(refusal, match=what):
        require_signable(opened(hard_pdfs.make(name)), NAME)


@pytest.mark.parametrize("name", ["plain", "acroform", "certified-forms", "locked-one-field", "xfa-static", "hybrid"])
def test_what_nobody_forbids_is_allowed(name: str) -> None:
    require_signable(opened(hard_pdfs.make(name)), NAME)


# -- certification ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "level"),
    [
        (b"<</P 1>>", 1),
        (b"<</P 2>>", 2),
        (b"<</P 3>>", 3),
        (b"<<>>", 2),
        (b" null", 2),
        (b"<</P null>>", 2),
        (b"<</P(1)>>", 2),
        (b"<</P 9>>", 2),
        (b"<</P 6 0 R>>", 1),
    ],
)
def test_a_certification_without_a_level_allows_forms(parameters: bytes, level: int) -> None:
    pdf = with_catalog(b"/Perms<</DocMDP 4 0 R>>", a_reference(b"DocMDP", parameters), b"0", b"1")

    assert certification_level(pdf) == level


@pytest.mark.parametrize(
    "more",
    [
        b"",
        b"/Perms null",
        b"/Perms 99 0 R",
        b"/Perms[1]",
        b"/Perms<</DocMDP null>>",
        b"/Perms<</DocMDP 99 0 R>>",
        b"/Perms<</DocMDP<<>>>>",
        b"/Perms<</DocMDP<</Reference null>>>>",
        b"/Perms<</DocMDP<</Reference[null 7 99 0 R<<>>]>>>>",
        b"/Perms<</UR3 4 0 R>>",
        b"/NeedsRendering null",
        b"/NeedsRendering(true)",
        b"/NeedsRendering 99 0 R",
        b"/AcroForm null",
    ],
)
def test_entries_that_are_absent_forbid_nothing(more: bytes) -> None:
    pdf = with_catalog(more, a_reference(b"UR3", b"<</P 1>>"))

    require_signable(pdf, NAME)
    assert certification_level(pdf) is None


# -- locks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "is_locked"),
    [
        (b"<</Action/All>>", True),
        (b"<</Action/Include/Fields[(a)(Signature-1)]>>", True),
        (b"<</Action/Include/Fields[(a)(Signature)]>>", False),
        (b"<</Action/Include/Fields[null 7 99 0 R]>>", False),
        (b"<</Action/Include>>", False),
        (b"<</Action/Exclude/Fields[(Signature-1)]>>", False),
        (b"<</Action/Exclude/Fields[(a)]>>", True),
        (b"<</Action/Exclude>>", True),
        (b"<</Action/Other>>", False),
        (b"<</Action null>>", False),
        (b"<<>>", False),
    ],
)
def test_fields_are_locked_by_a_signature_or_by_the_lock_of_its_field(parameters: bytes, is_locked: bool) -> None:
    plain = b"<</Type/Sig/Contents<00>>>"

    for pdf in (filled(a_reference(b"FieldMDP", parameters)), filled(plain, parameters)):
        if is_locked:
            with pytest.raises(CertifiedPdf, match="locks all fields"):
                require_signable(pdf, NAME)
        else:
            require_signable(pdf, NAME)


def test_a_name_of_a_lock_stands_for_the_fields_below_it() -> None:
    pdf = filled(a_reference(b"FieldMDP", b"<</Action/Include/Fields[(form)]>>"))

    require_signable(pdf, "formless")
    with pytest.raises(CertifiedPdf):
        require_signable(pdf, "form.one")


@pytest.mark.parametrize(("level", "is_locked"), [(b"1", True), (b"2", False), (b"null", False), (b"(1)", False)])
def test_a_lock_may_forbid_all_changes(level: bytes, is_locked: bool) -> None:
    pdf = filled(b"<</Type/Sig/Contents<00>>>", b"<</P %b>>" % level)

    if is_locked:
        with pytest.raises(CertifiedPdf, match="locks the document"):
            require_signable(pdf, NAME)
    else:
        require_signable(pdf, NAME)


def test_the_level_in_the_signature_counts_before_that_of_its_field() -> None:
    require_signable(filled(a_reference(b"DocMDP", b"<</P 2>>"), b"<</P 1>>"), NAME)


def test_the_lock_of_a_field_that_nobody_has_signed_is_not_in_force() -> None:
    for empty in (b"null", b"<<>>", b"<</Type/Sig>>"):
        require_signable(filled(empty, b"<</Action/All/P 1>>"), NAME)


def test_a_timestamp_locks_nothing() -> None:
    require_signable(filled(b"<</Type/DocTimeStamp/Contents<00>>>", b"<</Action/All>>"), NAME)


def test_the_name_of_a_field_is_shown_in_part_and_without_what_cannot_be_printed() -> None:
    field = b"<</T(A\\010%b)/FT/Sig/V<</Contents<00>>>/Lock<</Action/All>>>>" % (b"x" * 1000)

    with pytest.raises(CertifiedPdf) as caught:
        require_signable(with_catalog(b"/AcroForm<</Fields[4 0 R]>>", field), NAME)
    assert "'Axxx" in (caught.value.detail or "")
    assert len(caught.value.detail or "") < 400


# -- the owner's password --------------------------------------------------------------------------


def protected(revision: int = 6, **forbidden: bool) -> pikepdf.Pdf:
    permissions: Any = pikepdf.Permissions(**forbidden)
    encryption: Any = {"owner": "owner", "user": "", "R": revision, "allow": permissions, "aes": revision >= 4}
    if revision < 4:
        encryption["metadata"] = False
    target = io.BytesIO()
    with opened(hard_pdfs.make("plain")) as pdf:
        pdf.save(target, encryption=pikepdf.Encryption(**encryption))
    return opened(target.getvalue())


@pytest.mark.parametrize("revision", [3, 4, 6])
def test_a_password_of_the_owner_alone_forbids_nothing_that_is_needed(revision: int) -> None:
    require_signable(protected(revision=revision), NAME)
    require_signable(protected(revision=revision, extract=False, print_highres=False, modify_form=False), NAME)


@pytest.mark.parametrize(
    ("forbidden", "what"),
    [
        ({"modify_other": False}, r"forbids changing it \(bit 4\), so"),
        ({"modify_annotation": False}, r"adding annotations and form fields \(bit 6\), so"),
        ({"modify_other": False, "modify_annotation": False}, r"\(bit 4\) and .*\(bit 6\)"),
    ],
)
def test_a_protection_against_new_fields_is_kept(forbidden: dict[str, bool], what: str) -> None:
    with pytest.raises(ProtectedPdf, match=what):
        require_signable(protected(6, **forbidden), NAME)


def test_whoever_has_the_owners_password_may_do_everything() -> None:
    target = io.BytesIO()
    with opened(hard_pdfs.make("plain")) as pdf:
        none = pikepdf.Permissions(modify_other=False, modify_annotation=False)
        pdf.save(target, encryption=pikepdf.Encryption(owner="owner", user="", allow=none))

    require_signable(pikepdf.open(io.BytesIO(target.getvalue()), password="owner"), NAME)
