"""``/api/settings``: what holds for a whole subscription. Read back as it was set, behind the wall, without secrets."""

from __future__ import annotations

import io

import pytest
import sqlalchemy as sa
from PIL import Image

from signroom.store.engine import open_engine
from tests.harness.commands import signroom
from tests.harness.databases import database_does_not_matter
from tests.harness.server import Json, Server, base64, ok, refused
from tests.harness.tenants import SETTINGS, Tenant, new_tenant

VALIDATION, BRANDING = "file-validation", "branding"
SECRET = "very-secret-token"
ENDPOINT = {"url": "https://app.example/validate", "auth": "Bearer", "secret": SECRET}


@pytest.fixture(scope="module")
def tenant(server: Server) -> Tenant:
    return new_tenant(server)


def logo(kind: str = "PNG") -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (80, 20), (23, 89, 74)).save(target, kind)
    return target.getvalue()


# -- file validation -------------------------------------------------------------------------------


def test_nothing_is_set_at_first(server: Server) -> None:
    fresh = new_tenant(server)

    assert fresh.get(VALIDATION) == {"fileNamePattern": None, "endpoint": None}
    assert fresh.get(BRANDING) == {"name": None, "accent": None, "accentDark": None, "logo": None}
    assert fresh.get(fresh.frame_origins) == {"frameOrigins": []}


@pytest.mark.parametrize(
    ("endpoint", "shown"),
    [
        ({"url": "https://a.example/"}, {"auth": "None", "user": None, "hasSecret": False}),
        (
            {"url": "https://a.example/", "auth": "basic", "user": "ana", "secret": SECRET},
            {"auth": "Basic", "user": "ana", "hasSecret": True},
        ),
        ({"url": "https://a.example/", "auth": "Bearer", "secret": SECRET}, {"auth": "Bearer", "hasSecret": True}),
        ({"url": "https://a.example/", "auth": "ApiKey", "secret": SECRET}, {"auth": "ApiKey", "hasSecret": True}),
    ],
)
def test_file_validation_is_read_back_without_its_secret(tenant: Tenant, endpoint: Json, shown: Json) -> None:
    answer = tenant.put(VALIDATION, {"fileNamePattern": r".*\.pdf", "endpoint": endpoint})
    expected = {
        "fileNamePattern": r".*\.pdf",
        "endpoint": {"url": "https://a.example/", "user": None, **shown},
    }

    assert ok(answer) == tenant.get(VALIDATION) == expected
    assert SECRET not in answer.text


def test_what_is_left_out_is_cleared(tenant: Tenant) -> None:
    ok(tenant.put(VALIDATION, {"fileNamePattern": "a", "endpoint": ENDPOINT}))

    assert ok(tenant.put(VALIDATION, {})) == {"fileNamePattern": None, "endpoint": None}
    assert ok(tenant.put(VALIDATION, {"endpoint": []})) == tenant.get(VALIDATION)


def test_a_secret_is_kept_for_the_same_endpoint_and_for_no_other(tenant: Tenant) -> None:
    ok(tenant.put(VALIDATION, {"endpoint": ENDPOINT}))
    without = {"url": ENDPOINT["url"], "auth": "Bearer"}

    assert ok(tenant.put(VALIDATION, {"endpoint": without, "fileNamePattern": "a"}))["endpoint"]["hasSecret"] is True
    for other in ({**without, "url": "https://evil.example/"}, {**without, "auth": "ApiKey"}):
        assert refused(tenant.put(VALIDATION, {"endpoint": other}), 400) == "BadRequest"
    assert tenant.get(VALIDATION)["endpoint"]["url"] == ENDPOINT["url"]


def test_the_secret_is_nowhere_in_clear(tenant: Tenant) -> None:
    ok(tenant.put(VALIDATION, {"endpoint": ENDPOINT}))
    server = tenant.server
    url = server.environment.get("SIGNROOM_DATABASE_URL", f"sqlite:///{server.data / 'signroom.db'}")
    engine = open_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT * FROM signroom_file_validations")).all()
    engine.dispose()

    assert any(ENDPOINT["url"] in row for row in rows)
    assert SECRET not in str(rows)
    assert SECRET not in server.log.read_text()


@pytest.mark.parametrize(
    ("body", "code", "part"),
    [
        ({"fileNamePattern": "ab[c"}, "BadFileNamePattern", "at character 3"),
        ({"fileNamePattern": "(?=a)"}, "BadFileNamePattern", "at character 1"),
        ({"fileNamePattern": "x" * 1001}, "BadFileNamePattern", ""),
        ({"fileNamePattern": 1}, "BadRequest", "fileNamePattern"),
        ({"endpoint": {}}, "BadRequest", "url"),
        ({"endpoint": {"url": "/relative"}}, "BadRequest", ""),
        ({"endpoint": {"url": "https://a.example/", "auth": "Digest"}}, "BadRequest", "auth"),
        ({"endpoint": {"url": "https://a.example/", "auth": "Bearer"}}, "BadRequest", "secret"),
        ({"endpoint": {"url": "https://a.example/", "secret": "x"}}, "BadRequest", "secret"),
        ({"endpoint": {"url": "https://a.example/", "auth": "Basic", "secret": "x"}}, "BadRequest", "user"),
        ({"endpoint": {"url": "https://a.example/", "auth": "ApiKey", "secret": "x\r\ny: z"}}, "BadRequest", ""),
    ],
)
def test_a_setting_that_cannot_work_is_refused_and_changes_nothing(
    tenant: Tenant, body: Json, code: str, part: str
) -> None:
    ok(tenant.put(VALIDATION, {"fileNamePattern": "kept"}))
    answer = tenant.put(VALIDATION, body)

    assert refused(answer, 400) == code
    assert part in answer.json()["message"]
    assert answer.json()["path"].split(".")[0] == next(iter(body))
    assert tenant.get(VALIDATION)["fileNamePattern"] == "kept"


# -- branding --------------------------------------------------------------------------------------


def test_branding_is_read_back_and_can_be_sent_back(tenant: Tenant) -> None:
    sent = {"name": "Acme ü", "accent": "#7A1FA2", "accentDark": "#d9a7f0", "logo": {"content": base64(logo())}}
    expected = {
        "name": "Acme ü",
        "accent": "#7a1fa2",
        "accentDark": "#d9a7f0",
        "logo": {"contentType": "image/png", "content": base64(logo())},
    }

    assert ok(tenant.put(BRANDING, sent)) == tenant.get(BRANDING) == expected
    assert ok(tenant.put(BRANDING, expected)) == expected
    assert ok(tenant.put(BRANDING, {"name": ""})) == {"name": None, "accent": None, "accentDark": None, "logo": None}


@database_does_not_matter
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"accent": "#ffff00"}, 422, "LowContrast"),
        ({"accentDark": "#000000"}, 422, "LowContrast"),
        ({"accent": "red"}, 400, "BadRequest"),
        ({"name": "x" * 101}, 400, "BadRequest"),
        ({"logo": {"content": base64(b"<svg onload='alert(1)'/>")}}, 400, "BadLogo"),
        ({"logo": {"content": base64(logo("GIF"))}}, 400, "BadLogo"),
        ({"logo": {"content": base64(logo() + bytes(100 << 10))}}, 400, "BadLogo"),
        ({"logo": {"content": "!"}}, 400, "BadRequest"),
    ],
)
def test_a_branding_that_harms_is_refused(tenant: Tenant, body: Json, status: int, code: str) -> None:
    ok(tenant.put(BRANDING, {"name": "kept"}))

    assert refused(tenant.put(BRANDING, body), status) == code
    assert tenant.get(BRANDING)["name"] == "kept"


def test_low_contrast_says_the_ratio(tenant: Tenant) -> None:
    assert "4.08:1" in tenant.put(BRANDING, {"accent": "#777777"}).json()["detail"]


# -- framing ---------------------------------------------------------------------------------------


def test_frame_origins_are_read_back(tenant: Tenant) -> None:
    origins = ["https://app.example", "https://app.example:8443"]

    assert ok(tenant.put(tenant.frame_origins, {"frameOrigins": origins})) == {"frameOrigins": origins}
    assert tenant.get(tenant.frame_origins) == {"frameOrigins": origins}


@database_does_not_matter
@pytest.mark.parametrize(
    ("origins", "code"),
    [
        (["https://app.example/"], "BadFrameOrigin"),
        (["*"], "BadFrameOrigin"),
        (["https://a.example; script-src *"], "BadFrameOrigin"),
        ([f"https://a{n}.example" for n in range(21)], "BadRequest"),
    ],
)
def test_what_is_no_list_of_origins_is_refused(tenant: Tenant, origins: list[str], code: str) -> None:
    assert refused(tenant.put(tenant.frame_origins, {"frameOrigins": origins}), 400) == code


# -- who may ---------------------------------------------------------------------------------------


def test_managers_alone_read_and_write(tenant: Tenant) -> None:
    api = tenant.server.api
    body: Json = {"frameOrigins": []}
    for setting in (VALIDATION, BRANDING, tenant.frame_origins):
        assert refused(api.get(f"{SETTINGS}/{setting}", headers=tenant.worker), 403) == "Forbidden"
        assert refused(api.put(f"{SETTINGS}/{setting}", json=body, headers=tenant.worker), 403) == "Forbidden"
        assert refused(api.get(f"{SETTINGS}/{setting}", headers={"X-Api-Key": "x|y"}), 401) == "Unauthorized"


def test_a_subscription_sees_its_own_settings_only(tenant: Tenant) -> None:
    ok(tenant.put(VALIDATION, {"fileNamePattern": "mine"}))
    ok(tenant.put(BRANDING, {"name": "mine"}))
    other = new_tenant(tenant.server)

    assert other.get(VALIDATION)["fileNamePattern"] is None
    assert other.get(BRANDING)["name"] is None
    api, theirs = tenant.server.api, f"{SETTINGS}/{tenant.frame_origins}"
    assert refused(api.get(theirs, headers=other.manager), 422) == "ApplicationNotFound"
    assert refused(api.put(theirs, json={"frameOrigins": []}, headers=other.manager), 422) == "ApplicationNotFound"


def test_the_operator_sets_frame_origins_too(tenant: Tenant) -> None:
    arguments = ("applications", "frame-origins", tenant.name)

    assert signroom(tenant.server, *arguments, "https://app.example") == "https://app.example"
    assert tenant.get(tenant.frame_origins) == {"frameOrigins": ["https://app.example"]}
    assert signroom(tenant.server, *arguments) == ""
