"""A reference page made from the OpenAPI document: no script, no CDN, works in a text browser."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import MediaType, Request, Response, get
from litestar.response import Redirect

_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@get("/docs/api", include_in_schema=False, sync_to_thread=True)
def page(request: Request[Any, Any, Any]) -> Response[str]:
    """Routes, parameters and models of ``/openapi.json`` as one page."""
    document = request.app.openapi_schema.to_schema()
    html = _template().render(info=document["info"], operations=_operations(document), schemas=_schemas(document))
    return Response(html, media_type=MediaType.HTML, headers={"content-security-policy": _POLICY})


@get(["/", "/swagger", "/swagger/index.html"], include_in_schema=False, status_code=302)
async def home() -> Redirect:
    """Somebody who opens the bare address wants to know what this is. The original's reference is at ``/swagger``."""
    return Redirect("/docs/", status_code=302)


def _template() -> Any:
    environment = Environment(
        loader=PackageLoader("signroom.api"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("reference.html")


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "method": method.upper(),
            "path": path,
            "summary": operation.get("summary", ""),
            "description": operation.get("description", ""),
            "body": _reference(operation.get("requestBody", {})),
            "answers": [(code, a.get("description", ""), _reference(a)) for code, a in operation["responses"].items()],
        }
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


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
