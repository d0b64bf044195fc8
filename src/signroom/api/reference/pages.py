"""The pages of the API reference: one with a renderer, one without a script, and the files of the renderer.

The renderer is Scalar's (decision 55). It runs under a policy of its own, on these pages alone.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Litestar, MediaType, Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.response import Redirect

from signroom.api.auth import InjectedPorts
from signroom.api.reference.document import describe

RENDERER = "1.76.0"
"""The version of `scripts/api_renderer.py`: the folder of its files."""
_KEY = "app|secret"
"""What the guide writes where a reader puts their own key."""
_WORDS = {b"QUxMIFlPVVIgQkFTRSBBUkUgQkVMT05HIFRPIFVT": _KEY.encode(), b"YOUR_SECRET_TOKEN": _KEY.encode()}
"""Words of the renderer that no option changes: a joke in the field of the key, and the key in the snippets."""
SERVED = f"{RENDERER}-{hashlib.sha256(repr(_WORDS).encode()).hexdigest()[:8]}"
"""The folder in the address of its files. What is served under it never changes."""
_START = "reference.js"
_SCRIPT = "text/javascript; charset=utf-8"
_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
POLICY = (
    # The renderer brings its styles along in its scripts.
    f"{_NOTHING}; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "require-trusted-types-for 'script'; trusted-types default vue dompurify 'allow-duplicates'"
)
_PLAIN_POLICY = f"{_NOTHING}; style-src 'self'"
_FOR_EVER = "public, max-age=31536000, immutable"


@get("/openapi.json", media_type=MediaType.JSON, include_in_schema=False, sync_to_thread=True)
def document(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The API for programs. It is made once, in a thread: it takes a third of a second of a processor."""
    content, etag = _rendered(request.app)
    headers = {"etag": etag, "cache-control": "no-cache"}
    if etag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers)
    return Response(content, media_type=MediaType.JSON, headers=headers)


def lead_to_document(request: Request[Any, Any, Any]) -> Redirect:
    """In front of the framework's own routes, which have its raw document. Raises: NotFoundException for any other."""
    if request.url.path.rstrip("/").lower() in {"/openapi", "/openapi/openapi.json"}:
        return Redirect("/openapi.json", status_code=302, media_type=MediaType.TEXT)
    raise NotFoundException


@get("/docs/api", include_in_schema=False, sync_to_thread=True)
def page(ports: InjectedPorts) -> Response[str]:
    """The reference. It sends requests in development alone: a key of production belongs into no documentation."""
    html = _template("reference.html").render(start=f"/docs/api/{_digest()}/{_START}", tries=ports.demo is not None)
    return Response(html, media_type=MediaType.HTML, headers={"content-security-policy": POLICY})


@get("/docs/api/plain", include_in_schema=False, sync_to_thread=True)
def plain_page(request: Request[Any, Any, Any]) -> Response[str]:
    """Routes, parameters and models of ``/openapi.json`` as one page that works in a text browser."""
    found = _described(request.app)
    html = _template("plain.html").render(
        info=found["info"], operations=_operations(found), webhooks=_webhooks(found), schemas=_schemas(found)
    )
    return Response(html, media_type=MediaType.HTML, headers={"content-security-policy": _PLAIN_POLICY})


@get("/docs/api/{version:str}/{name:path}", include_in_schema=False, sync_to_thread=True)
def file(request: Request[Any, Any, Any], version: str, name: str) -> Response[bytes]:
    """A file of the renderer. Its address has the version, so it is asked for once. Raises: NotFoundException."""
    # The parts name each other by folders; here they lie beside each other, and a name is only looked up.
    packed = renderer_files().get((version, PurePosixPath(name).name))
    if packed is None:
        raise NotFoundException
    headers = {"cache-control": _FOR_EVER, "vary": "accept-encoding", "etag": f'"{version}"'}
    if f'"{version}"' in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(packed, media_type=_SCRIPT, headers={**headers, "content-encoding": "gzip"})
    return Response(gzip.decompress(packed), media_type=_SCRIPT, headers=headers)


@get("/", include_in_schema=False, status_code=302)
async def home() -> Redirect:
    """Somebody who opens the bare address wants to know what this is."""
    return Redirect("/docs/", status_code=302)


@get(["/swagger", "/swagger/index.html"], include_in_schema=False, status_code=302)
async def swagger() -> Redirect:
    """The original's reference is at ``/swagger``."""
    return Redirect("/docs/api", status_code=302)


@lru_cache(1)
def _described(app: Litestar) -> dict[str, Any]:
    return describe(app.openapi_schema.to_schema())


@lru_cache(1)
def _rendered(app: Litestar) -> tuple[bytes, str]:
    """The document and its ETag."""
    content = json.dumps(_described(app), ensure_ascii=False).encode()
    return content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'


@cache
def renderer_files() -> dict[tuple[str, str], bytes]:
    """By version and name, each packed by gzip: a megabyte in all."""
    folder = files("signroom.api.reference").joinpath("static")
    found = {
        (SERVED, one.name.removesuffix(".gz")): _reworded(one.read_bytes())
        for one in folder.joinpath(RENDERER).iterdir()
    }
    start = folder.joinpath(_START).read_bytes().replace(b"{{version}}", SERVED.encode())
    return {**found, (_digest(), _START): gzip.compress(start, mtime=0)}


def _reworded(packed: bytes) -> bytes:
    """A packed file of the renderer with our words. Without such words it is the same bytes."""
    content = plain = gzip.decompress(packed)
    for theirs, ours in _WORDS.items():
        content = content.replace(theirs, ours)
    return packed if content == plain else gzip.compress(content, mtime=0)


@cache
def _digest() -> str:
    """Of our own script and the version of what it loads."""
    start = files("signroom.api.reference").joinpath("static", _START).read_bytes()
    return hashlib.sha256(start + SERVED.encode()).hexdigest()[:16]


@cache
def _template(name: str) -> Any:
    environment = Environment(
        loader=PackageLoader("signroom.api"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template(name)


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "method": method.upper(),
            "path": path,
            "summary": operation.get("summary", ""),
            "description": operation.get("description", "").split("`"),
            "body": _reference(operation.get("requestBody", {})),
            "answers": [
                (code, a.get("description", ""), _reference(a))
                for code, a in operation["responses"].items()
                if code != "default"
            ],
        }
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def _webhooks(document: dict[str, Any]) -> list[dict[str, str]]:
    calls = (methods["post"] for methods in document["webhooks"].values())
    return [{"summary": call["summary"], "body": _reference(call["requestBody"])} for call in calls]


def _schemas(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "fields": [(field, _type(shape)) for field, shape in schema.get("properties", {}).items()],
        }
        for name, schema in sorted(document["components"]["schemas"].items())
    ]


def _reference(part: dict[str, Any]) -> str:
    for media in part.get("content", {}).values():
        return _type(media.get("schema", {}))
    return ""


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    for union in ("oneOf", "anyOf"):
        if union in schema:
            return " or ".join(_type(s) for s in schema[union])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    kind = schema.get("type", "any")
    text = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return f"{text} ({schema['format']})" if "format" in schema else text
