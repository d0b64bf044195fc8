"""No field of a request is dropped in silence: it is done, refused by its name, or named in the answer."""

from __future__ import annotations

import time
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signroom.api.shapes import contract
from signroom.api.shapes.fields import NOT_DONE, unknown_fields
from signroom.domain.errors import NotImplementedHere, PdfAConversionNotAvailable
from signroom.http.ignored import MAX_NAMED
from tests.api.requests import SESSIONS
from tests.harness.server import Json, Server, base64, ok, refused
from tests.vectors import hard_pdfs

HEADER = "Signroom-Ignored"


def post(server: Server, body: Json, **headers: str) -> httpx.Response:
    return server.api.post(SESSIONS, json=body, headers={"X-Api-Key": server.api_key, **headers})


def test_a_misspelt_field_is_named(server: Server) -> None:
    document = {"file": {"content": base64(hard_pdfs.make("plain")), "nmae": "a.pdf"}}
    body = {"certificateRequirments": [{"type": "Cpf"}], "documents": [document], "language": "en"}

    answer = post(server, body)

    assert ok(answer)["sessionId"]
    assert answer.headers[HEADER] == "certificateRequirments, documents[0].file.nmae"
    assert HEADER not in post(server, {"language": "en"}).headers


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"content": base64(hard_pdfs.make("plain"))}, "document.pdf"),
        ({"content": base64(hard_pdfs.make("plain")), "contentType": "application/pdf; x=1"}, "document.pdf"),
        ({"content": base64(b"<a/>")}, "document.xml"),
        ({"content": base64(b"text"), "mimeType": "text/plain"}, "document.txt"),
        ({"content": base64(b"\x00\x01")}, "document"),
    ],
)
def test_a_content_without_a_name_gets_one(server: Server, given: Json, name: str) -> None:
    opened = ok(post(server, {"documents": [{"file": given, "signatureType": None if "df" in name else "Cms"}]}))

    assert server.session(opened["sessionId"])["documents"][0]["originalFile"]["name"] == name


def test_who_asks_for_strictness_is_refused(server: Server) -> None:
    answer = post(server, {"returnUrll": "https://app.example/"}, **{"Signroom-Strict": "true"})

    assert refused(answer, 400) == "UnknownField"
    assert "returnUrll" in answer.json()["message"]
    ok(post(server, {"returnUrl": "https://app.example/"}, **{"Signroom-Strict": "true"}))


def test_a_name_makes_no_header(server: Server) -> None:
    answer = post(server, {"a\r\nSet-Cookie: x=1": 1, "ü" * 300: 2})

    ok(answer)
    assert "set-cookie" not in answer.headers
    assert answer.headers[HEADER] == "a??Set-Cookie??x?1, " + "?" * 100


def test_conversion_to_pdfa_is_refused(server: Server) -> None:
    document = {"file": {"content": base64(hard_pdfs.make("plain"))}, "pdfSignatureOptions": {"convertToPdfA": True}}

    assert refused(post(server, {"documents": [document]}), 422) == "PdfAConversionNotAvailable"
    answer = post(server, {"pdfSignatureOptions": {"convertToPdfA": True}})
    assert refused(answer, 422) == "PdfAConversionNotAvailable"
    ok(post(server, {"pdfSignatureOptions": {"convertToPdfA": False}}))  # clients send what they do not set, too


@pytest.mark.parametrize("name", sorted(set(NOT_DONE) - {"convertToPdfA"}))
def test_what_the_original_does_and_we_do_not_is_refused_by_its_name(name: str) -> None:
    # A document's policy stands among its options. Elsewhere it would be dropped.
    apart = name == "signaturePolicy"
    place = name if apart else f"pdfSignatureOptions.{name}"

    def asking(value: Any) -> Json:
        return {name: value} if apart else {"pdfSignatureOptions": {name: value}}

    with pytest.raises(NotImplementedHere, match=place):
        unknown_fields(contract.CreateSessionRequest, asking("x"))
    nothing: tuple[Any, ...] = (None, False, "", [], {})
    for unset in nothing:
        assert unknown_fields(contract.CreateSessionRequest, asking(unset)) == [place]
    with pytest.raises(PdfAConversionNotAvailable):
        unknown_fields(contract.CreateSessionRequest, {"documents": [{"pdfSignatureOptions": {"convertToPdfA": 1}}]})


EXAMPLE: Json = {
    "language": "en",
    "documents": [{"file": {"name": "a.pdf"}, "metadata": {"free": ["x"]}}],
    "certificateRequirements": [{"type": "Cpf", "argument": "1"}],
    "pdfSignatureOptions": {},
}


def places(value: Any, path: str = "") -> list[tuple[Json, str]]:
    """Every object of the example that a model stands for."""
    if isinstance(value, list):
        return [found for i, item in enumerate(value) for found in places(item, f"{path}[{i}]")]
    if not isinstance(value, dict):
        return []
    inner = [
        found
        for name, item in value.items()
        if name != "metadata"  # its names are free
        for found in places(item, f"{path}.{name}" if path else name)
    ]
    return [(value, path), *inner]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_field_anywhere_is_named_whatever_it_is(data: st.DataObject) -> None:
    body = msgspec.json.decode(msgspec.json.encode(EXAMPLE))
    added = set()
    names = st.text("abcXYZ_", min_size=6, max_size=12)
    values = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=4)
    for place, path in data.draw(st.lists(st.sampled_from(places(body)), min_size=1, max_size=4)):
        name = data.draw(names)
        place[name] = data.draw(values)
        added.add(f"{path}.{name}" if path else name)

    assert set(unknown_fields(contract.CreateSessionRequest, body)) == added


def test_the_list_ends() -> None:
    assert len(unknown_fields(contract.CreateSessionRequest, {f"x{i}": 1 for i in range(999)})) == MAX_NAMED


def test_names_without_end_and_lists_in_lists_cost_next_to_nothing() -> None:
    """They are looked at on the event loop: a list 900 deep, and names of 400 KB, took it half a second."""
    deep: Any = [{"a": 1}] * 9_000
    for _ in range(900):
        deep = [deep]
    bodies: list[Json] = [{"documents": deep}, {f"{number:x}" + "ü" * 250_000: 1 for number in range(16)}]

    for body in bodies:
        begun = time.thread_time()
        found = unknown_fields(contract.CreateSessionRequest, body)

        assert time.thread_time() - begun < 0.1
        assert all(len(name) <= 100 for name in found)


def test_a_name_in_another_case_is_the_same_name(server: Server) -> None:
    """The original service takes names in any case, and a .NET application of the field writes them in upper case."""
    file = {"Content": base64(hard_pdfs.make("plain")), "NAME": "a.pdf"}
    body = {"ReturnUrl": "https://app.example/", "DOCUMENTS": [{"File": file}], "CallbackArgument": "order 42"}

    answer = post(server, body, **{"Signroom-Strict": "true"})

    session = server.session(ok(answer)["sessionId"])
    assert HEADER not in answer.headers
    assert session["callbackArgument"] == "order 42"
    assert [document["originalFile"]["name"] for document in session["documents"]] == ["a.pdf"]
    options = {"PdfSignatureOptions": {"ConvertToPdfA": True}}
    assert refused(post(server, options), 422) == "PdfAConversionNotAvailable"


def test_of_two_spellings_the_right_one_counts_and_the_other_is_named() -> None:
    body = {"RETURNURL": "b", "returnUrl": "a", "ReturnUrl": "c", "\u212aey": 1}

    assert unknown_fields(contract.CreateSessionRequest, body) == ["RETURNURL", "ReturnUrl", "?ey"]
    assert body["returnUrl"] == "a"
    first: Json = {"RETURNURL": "b", "ReturnUrl": "c"}
    assert unknown_fields(contract.CreateSessionRequest, first) == ["ReturnUrl"]
    assert first["returnUrl"] == "b"


@pytest.mark.parametrize("name", ["reason", "customSignatureFieldName", "Reason"])
def test_what_newer_clients_write_about_a_pdf_signature_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(NotImplementedHere, match=f"pdfSignatureOptions.{name}"):
        unknown_fields(contract.CreateSessionRequest, {"pdfSignatureOptions": {name: "x"}})
    assert unknown_fields(contract.CreateSessionRequest, {name: "x"}) == [name], "elsewhere it is an unknown field"
