"""The wire contract's routes, their OpenAPI document and its reference page."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from litestar import Router
from litestar.di import Provide
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from signroom.api import reference
from signroom.api.auth import key_guard, provide_caller
from signroom.api.resources import (
    api_keys,
    applications,
    audit_log,
    authentication,
    document_keys,
    documents,
    events,
    inspection,
    sessions,
    settings,
    signature,
    system,
    uploads,
    webhooks,
)
from signroom.ports import Ports


def api_routes(ports: Ports) -> list[Any]:
    """Everything under ``/api``, and the reference page."""
    keyed = Router(
        path="/",
        route_handlers=[
            sessions.create,
            sessions.read,
            sessions.when_completed,
            sessions.list_all,
            sessions.cancel,
            sessions.retry,
            documents.read,
            documents.signers,
            documents.preflight,
            documents.by_key,
            documents.find,
            document_keys.allocate,
            document_keys.allocate_batch,
            document_keys.query,
            document_keys.unused,
            uploads.plain,
            uploads.begin,
            uploads.part,
            uploads.end,
            events.read,
            signature.prepare,
            signature.complete,
            inspection.inspect,
            authentication.prepare,
            authentication.complete,
            applications.create,
            api_keys.create,
            api_keys.list_all,
            api_keys.change,
            api_keys.revoke,
            api_keys.rotate,
            applications.read_metadata,
            applications.write_metadata,
            applications.read_return_urls,
            applications.write_return_urls,
            audit_log.read,
            settings.read_validation,
            settings.write_validation,
            settings.read_brand,
            settings.write_brand,
            settings.read_retention,
            settings.write_retention,
            settings.read_frame_origins,
            settings.write_frame_origins,
            webhooks.list_all,
            webhooks.create,
            webhooks.read,
            webhooks.change,
            webhooks.remove,
            webhooks.rotate,
            webhooks.pause,
            webhooks.resume,
            webhooks.test,
            webhooks.deliveries,
            webhooks.delivery,
            webhooks.replay,
            webhooks.replay_all,
            webhooks.read_event,
        ],
        guards=[key_guard(ports)],
        dependencies={"caller": Provide(provide_caller, sync_to_thread=False)},
    )
    return [keyed, documents.download, system.info, system.keys, system.crl, reference.page, reference.home]


def openapi_config() -> OpenAPIConfig:
    """``/openapi.json`` and nothing else: the framework's own viewers load scripts from a CDN."""
    key = SecurityScheme(
        type="apiKey", name="X-Api-Key", security_scheme_in="header", description="`application|secret`"
    )
    return OpenAPIConfig(
        title="Signroom",
        version=version("signroom"),
        description="Self-hosted digital signature sessions.",
        components=Components(security_schemes={"ApiKey": key}),
        security=[{"ApiKey": []}],
        use_handler_docstrings=True,
        path="/openapi.json",
        render_plugins=[JsonRenderPlugin(path="/")],
    )
