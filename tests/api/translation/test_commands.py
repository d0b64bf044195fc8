"""What the schema alone can tell, and how a document's options lie over its session's."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from signroom.api.shapes.contract import CmsOptionsRequest, DigestRequest
from signroom.api.translation.commands import metadata_of, signing_options
from signroom.domain.signature import CmsOptions, OptionsByType
from tests.api.requests import SESSIONS, a_file
from tests.harness.server import Server, refused

_LISTS = ["requirements", "hashes", "documents", "more-documents", "values"]
SESSION = OptionsByType(cms=CmsOptions(detached=True))


@pytest.mark.parametrize(
    ("given", "detached"),
    [
        (None, True),
        (CmsOptionsRequest(), True),
        (CmsOptionsRequest(data_hashes=[DigestRequest(algorithm="SHA256", value=bytes(32))]), True),
        (CmsOptionsRequest(detached=False), False),
    ],
)
def test_what_a_document_does_not_say_is_as_its_session_says(given: CmsOptionsRequest | None, detached: bool) -> None:
    assert signing_options(None, given, default=SESSION).cms.detached is detached


def test_null_metadata_is_unset_and_an_empty_list_is_not() -> None:
    assert metadata_of({"a": None, "b": [], "c": ["x", None], "d": "y"}) == (("b", ()), ("c", ("x",)), ("d", ("y",)))


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"cmsSignatureOptions": {"dataFile": {"content": "AAAA", "name": "a"}}}, 422, "NotSupported"),
        ({"pdfSignatureOptions": {"signaturePolicy": "PA_AD_RB_v2_3"}}, 422, "SignaturePolicyNotFound"),  # of CMS
        ({"pdfSignatureOptions": {"signaturePolicy": "PA_PAdES_AD_RT_v1_3", "level": "B-B"}}, 400, "BadRequest"),
        ({"cmsSignatureOptions": {"timestampTier": "silver"}}, 422, "TimestampTierNotFound"),
        ({"xmlSignatureOptions": {"timestampTier": "No tier"}}, 400, "BadRequest"),
        ({"documents": [{**a_file(), "id": str(uuid4())}]}, 400, "BadRequest"),
        ({"certificateRequirements": [{"type": "CryptoDevice"}] * 11}, 400, "BadRequest"),
        ({"cmsSignatureOptions": {"dataHashes": [{}] * 11}}, 400, "BadRequest"),
        ({"documents": [{}] * 5000}, 422, "TooManyDocuments"),
        ({"documents": [{}] * 12_000}, 400, "BadRequest"),
        ({"unknown": [1] * 30_000}, 400, "BadRequest"),
    ],
    ids=["data-of-a-session", "policy", "level", "tier", "no-tier", "id", *_LISTS],
)
def test_what_cannot_be_meant_is_refused(sqlite_server: Server, body: dict[str, Any], status: int, code: str) -> None:
    assert refused(sqlite_server.api.post(SESSIONS, json=body), status) == code


@pytest.mark.parametrize("body", [b'{"returnUrl":"\x80"}', b'{"\x80":1}', b'{"a":"\xed\xa0\x80"}'])
def test_a_body_that_is_not_utf_8_is_refused_or_its_field_ignored(sqlite_server: Server, body: bytes) -> None:
    answer = sqlite_server.api.post(SESSIONS, content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code in {200, 400}, answer.text


def test_an_unset_data_file_of_a_session_is_nothing(sqlite_server: Server) -> None:
    body = {"cmsSignatureOptions": {"detached": True, "dataFile": {"content": None, "name": None}}, "documents": []}

    assert sqlite_server.api.post(SESSIONS, json=body).status_code == 200
