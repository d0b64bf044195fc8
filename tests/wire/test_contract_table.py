"""``docs/contract-fields.md`` is current, and each of its rows is true on the wire."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any
from uuid import uuid4

import httpx
import pytest
from PIL import Image

from scripts.contract_table import (
    ALWAYS_EMPTY,
    DONE,
    EMPTY,
    MISSING,
    PAGE,
    PASSED_OVER,
    SENT,
    answers,
    more,
    page,
    routes,
)
from tests.api.requests import TEST_CONTEXT, a_file, demo_signer, signed_session, uploaded
from tests.fetch.sites import running_site
from tests.harness.server import Json, Server, base64, ok
from tests.vectors import hard_pdfs
from tests.wire.answers import refused_with
from tests.wire.operations import COMPLETION, DOCUMENTS, INSPECTION, KEYS, SESSIONS, SIGNATURE
from tests.wire.test_contract import signed_hash

pytestmark = pytest.mark.filterwarnings("ignore:Deprecated:DeprecationWarning")
STRICT = {"Signroom-Strict": "true"}
PDF = hard_pdfs.make("plain")
Body = dict[str, Any]


def test_the_page_is_what_the_script_writes() -> None:
    assert PAGE.read_text() == page(), "run 'make contract'"


def test_no_field_of_the_contract_is_unknown() -> None:
    unknown = [
        f"{route.method} {route.path} {row.path}" for route in routes() for row in route.rows if row.state == "unknown"
    ]

    assert unknown == []


# -- refused ----------------------------------------------------------------------------------------------


def nested(path: str, value: object) -> Body:
    """The body that has nothing but this field."""
    for step in reversed(path.split(".")):
        value = {step.removesuffix("[]"): [value] if step.endswith("[]") else value}
    assert isinstance(value, dict)
    return value


REFUSED = [
    (route.method, route.path, row.path, row.state.split("`")[1])
    for route in routes()
    for row in route.rows
    if row.state.startswith("refused")
]


@pytest.mark.parametrize(("method", "path", "field", "code"), REFUSED, ids=str)
def test_a_refused_field_is_refused_by_its_name(
    sqlite_server: Server, method: str, path: str, field: str, code: str
) -> None:
    body = nested(field, {"content": "AAAA"} if field.endswith("dataFile") else str(uuid4()))
    if field.endswith("resource.url"):
        visual = body["documents"][0] if "documents" in body else body
        visual["pdfSignatureOptions"]["visualRepresentation"]["position"] = {"manual": {"left": 1}}
        visual.update(a_file() if "documents" in body else {})
    if path == SIGNATURE:
        _, certificate = demo_signer(sqlite_server)
        body = {**a_file(), "certificate": {"content": base64(certificate)}, **body}

    refused_with(sqlite_server.api.request(method, path, json=body), 422, code)


# -- done -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def facts(sqlite_server: Server) -> Iterator[Json]:
    """What the bodies name: an address, an upload, a signed document, a detached signature."""
    done = signed_session(sqlite_server, a_file())["documents"][0]
    with running_site() as site:
        site.paths["/a.pdf"] = lambda exchange: exchange.answer(PDF, "Content-Type: application/pdf")
        site.paths["/a.txt"] = lambda exchange: exchange.answer(b"text", "Content-Type: text/plain")
        yield {"done": done, "pdf": f"{site.url}/a.pdf", "text": f"{site.url}/a.txt"}


def files(server: Server, facts: Json, *, text: bool = False) -> list[Body]:
    """A file in each way that there is."""
    content, name, kind = (b"text", "a.txt", "text/plain") if text else (PDF, "a.pdf", "application/pdf")
    return [
        {"content": base64(content), "name": name, "mimeType": kind, "length": 1},
        {"url": facts["text" if text else "pdf"], "contentType": kind},
        {"location": facts["text" if text else "pdf"]},
        {"blobToken": uploaded(server, content, name)},
    ]


def appearances() -> list[Body]:
    """Visible signatures with every field: the place by hand, and found by itself."""
    picture = BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "PNG")
    inner = [{"left": 0.1, "top": 0.1, "right": 0.1, "bottom": 0.1}, {"left": 0.1, "top": 0.1, "width": 2, "height": 1}]
    edges = [{"left": 1, "top": 1, "right": 1, "bottom": 1}, {"left": 1, "top": 1, "width": 7, "height": 3}]
    paper = {"paperSize": "Custom", "customPaperSize": {"height": 30, "width": 20}, "pageOrientation": "Portrait"}
    resource = {"content": base64(picture.getvalue()), "mimeType": "image/png"}
    found = []
    for edge, inside in zip(edges, inner, strict=True):
        text = {"text": "Signed", "fontSize": 9, "includeSigningTime": True, "horizontalAlign": "Right"}
        image = {"resource": resource, "opacity": 50, "horizontalAlign": "Left", "verticalAlign": "Center"}
        place = {"pageNumber": -1, "measurementUnits": "Centimeters", "pageOptimization": paper}
        auto = {
            "container": edge,
            "signatureRectangleSize": {"height": 2, "width": 4},
            "horizontalDirection": "LeftToRight",
            "verticalDirection": "TopDown",
            "rowSpacing": 1,
        }
        for where in ({"auto": auto}, {"manual": edge}):
            visual = {"text": {**text, "container": inside}, "image": image, "position": {**place, **where}}
            found.append({"visualRepresentation": visual, "measurementUnits": "Centimeters", "pageOptimization": paper})
    return found


def digests(data: bytes) -> list[list[Body]]:
    digest = hashlib.sha256(data)
    return [
        [{"algorithm": "SHA256", "value": base64(digest.digest())}],
        [{"algorithm": "SHA256", "hexValue": digest.hexdigest()}],
    ]


def detached_of(server: Server, content: bytes) -> str:
    """The address of a detached signature of `content`."""
    _, certificate = demo_signer(server)
    body = {
        "file": {"content": base64(content), "name": "a.txt"},
        "certificate": {"content": base64(certificate)},
        "cmsSignatureOptions": {"detached": True},
    }
    return str(ok(server.api.post(COMPLETION, json=completion(server, body)))["signedFile"]["location"])


def completion(server: Server, prepare: Body) -> Body:

    key, _ = demo_signer(server)
    prepared = ok(server.api.post(SIGNATURE, json=prepare))
    return {"state": prepared["state"], "signature": signed_hash(key, prepared["toSignHash"]["value"])}


def session_bodies(server: Server, facts: Json) -> Iterator[Body]:
    for file in files(server, facts):
        yield {"documents": [{"file": file}]}
    for options in appearances():
        yield {"pdfSignatureOptions": options, "documents": [{**a_file(), "pdfSignatureOptions": options}]}
    signature = detached_of(server, b"text")
    for data in files(server, facts, text=True):
        document = {"file": {"url": signature}, "signatureType": "Cms", "cmsSignatureOptions": {"dataFile": data}}
        yield {"documents": [document]}
    for hashes in digests(b"text"):
        cms = {"detached": True, "dataHashes": hashes}
        document = {"file": {"url": signature}, "signatureType": "Cms", "cmsSignatureOptions": cms}
        yield {"documents": [document], "cmsSignatureOptions": cms}
    key = ok(server.api.post(KEYS))["key"]
    yield {
        "returnUrl": "https://app.example/back",
        "securityContextId": TEST_CONTEXT,
        "callbackArgument": "x",
        "enableBackgroundProcessing": True,
        "disableDownloads": True,
        "documentMetadata": {"Order": ["42"]},
        "certificateRequirements": [{"type": "Cpf", "argument": "01234567890"}],
        "documents": [{**a_file(), "documentKey": key, "metadata": {"Year": "2026"}, "signatureType": "Pdf"}],
    }
    yield {"documents": [{"id": facts["done"]["id"]}]}


def signature_bodies(server: Server, facts: Json) -> Iterator[Body]:
    _, certificate = demo_signer(server)
    base: Body = {"certificate": {"content": base64(certificate)}}
    for file in files(server, facts):
        yield {**base, "file": file}
    for options in appearances():
        yield {**base, **a_file(), "pdfSignatureOptions": options}
    signature = detached_of(server, b"text")
    for data in files(server, facts, text=True):
        yield {**base, "file": {"url": signature}, "signatureType": "Cms", "cmsSignatureOptions": {"dataFile": data}}
    for hashes in digests(b"text"):
        cms = {"detached": True, "dataHashes": hashes}
        yield {**base, "file": {"url": signature}, "signatureType": "Cms", "cmsSignatureOptions": cms}
    key = ok(server.api.post(KEYS))["key"]
    xml = {
        "type": "XmlElement",
        "elementToSignId": "e",
        "signatureElementLocation": {
            "xPath": "/o:order",
            "namespaces": [{"prefix": "o", "uri": "urn:o"}],
            "insertionOption": "AppendChild",
        },
    }
    content = b'<order xmlns="urn:o"><item id="e"/></order>'
    yield {
        **base,
        "file": {"content": base64(content), "name": "a.xml"},
        "documentKey": key,
        "securityContextId": TEST_CONTEXT,
        "signatureType": "Xml",
        "xmlSignatureOptions": xml,
    }


def inspection_bodies(server: Server, facts: Json) -> Iterator[Body]:
    signed = httpx.get(facts["done"]["signedFile"]["location"], trust_env=False).content
    flags = {"validate": True, "securityContextId": TEST_CONTEXT, "ignoreRevocationStatusUnknown": True}
    flags |= {"trustUncertifiedSigningTime": True, "extractEncapsulatedContent": True}
    address = facts["done"]["signedFile"]["location"]
    yield {"file": {"content": base64(signed), "name": "a.pdf", "mimeType": "application/pdf", "length": 1}, **flags}
    yield {"file": {"url": address, "contentType": "application/pdf"}}
    yield {"file": {"location": address}}
    yield {"file": {"blobToken": uploaded(server, signed, "a.pdf")}}
    signature = {"url": detached_of(server, b"text")}
    for data in files(server, facts, text=True):
        yield {"file": signature, "dataFile": data}
    for hashes in digests(b"text"):
        yield {"file": signature, "dataHashes": hashes}


BODIES: dict[str, Callable[[Server, Json], Iterator[Body]]] = {
    SESSIONS: session_bodies,
    SIGNATURE: signature_bodies,
    INSPECTION: inspection_bodies,
}


def places(value: object, path: str = "") -> Iterator[str]:
    """Every field of a body, as the table writes it."""
    if isinstance(value, list):
        for item in value:
            yield from places(item, f"{path}[]")
    elif isinstance(value, dict):
        for name, item in value.items():
            place = f"{path}.{name}" if path else name
            yield place
            yield from places(item, place)


@pytest.mark.parametrize("path", sorted(BODIES))
def test_every_field_that_is_done_is_taken(sqlite_server: Server, facts: Json, path: str) -> None:
    (route,) = [one for one in routes() if one.path == path and one.method in {"POST", "PUT"}]
    sent: set[str] = set()

    for body in BODIES[path](sqlite_server, facts):
        answer = sqlite_server.api.request(route.method, path, json=body, headers=STRICT)
        assert answer.status_code == 200, f"{answer.text} {body}"
        assert ok(answer).get("success", True), answer.text
        sent |= set(places(body))

    wanted = {row.path for row in route.rows if row.state in {DONE, PASSED_OVER}}
    lengths = {row.path for row in route.rows if row.state == PASSED_OVER}
    assert wanted - sent - lengths == set()
    assert lengths & sent


def test_the_small_bodies_are_taken_whole(sqlite_server: Server) -> None:
    """The others are in ``test_contract.py``, which sends them right: their fields are required, or sent there."""
    for path, body in (
        ("/api/v2/authentication", {"securityContextId": TEST_CONTEXT, "ignoreRevocationStatusUnknown": True}),
        (KEYS, {"provisionalMetadata": {"Order": "42"}}),
        (f"{KEYS}/batch", {"count": 2, "provisionalMetadata": {"Order": ["42"]}}),
    ):
        (route,) = [one for one in routes() if one.path == path]
        assert {row.path for row in route.rows} == set(body)
        assert sqlite_server.api.post(path, json=body, headers=STRICT).status_code == 200
    small = [route for route in routes() if route.path not in BODIES and len(route.rows) > 3]
    assert small == [], "a route with many fields needs bodies of its own here"


# -- answers ----------------------------------------------------------------------------------------------


def test_what_is_always_empty_is_empty_and_the_rest_is_sent(sqlite_server: Server, facts: Json) -> None:
    """That each field of a model is sent is checked with every answer (``schema.py``). Here: which say nothing yet."""
    rows = {(name, row.path): row.state for name, fields in answers() for row in fields}
    document = ok(sqlite_server.api.get(f"{DOCUMENTS}/{facts['done']['id']}"))
    signers = sqlite_server.api.get(f"{DOCUMENTS}/{facts['done']['id']}/signers").json()

    for model, found in (("DocumentModel", document), ("SignerModel", signers[0])):
        for name in found:
            state = rows.get((model, name))
            if state is not None and state.startswith(EMPTY):
                assert not found[name], name
            else:
                assert state in {SENT, None}, name
    assert {name for (_, name), state in rows.items() if state.startswith(EMPTY)} <= set(ALWAYS_EMPTY)
    left_out = {place for place, state in rows.items() if state == MISSING}
    newer = {(model, name) for model, names in more()["laterAnswerFields"].items() for name in names}
    assert left_out <= newer, "every key of the contract is in the answer"


@pytest.mark.parametrize("route", more()["routesNotServed"])
def test_a_route_that_is_not_served_says_so(sqlite_server: Server, route: str) -> None:
    method, _, path = route.partition(" ")

    answer = sqlite_server.api.request(method, path.replace("{", "").replace("}", ""), json={})

    refused_with(answer, 404, "RouteNotFound")
