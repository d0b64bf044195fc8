"""The wire contract's routes, their OpenAPI document and its reference page."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from litestar import Router
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from signroom.api.auth import Access, Waits, found_caller, key_check
from signroom.api.reference import pages
from signroom.api.resources import (
    api_keys,
    applications,
    audit_log,
    authentication,
    demo,
    document_keys,
    documents,
    events,
    inspection,
    sessions,
    settings,
    signature,
    statistics,
    system,
    timestamps,
    uploads,
    webhooks,
)
from signroom.api.resources.erasing import erasures, persons
from signroom.api.resources.installation import timestamp_providers
from signroom.api.resources.trust import security_contexts
from signroom.domain.application import ADMINS, MANAGERS, READERS, WORKERS, Role
from signroom.http.bodies import SMALL_BODY, WireRequest
from signroom.http.handlers import Given, bound
from signroom.http.ignored import name_unread_body
from signroom.ports import Ports

"""Requests of an application that wait in one process: `when-completed`, and the feed with `wait`."""


def api_routes(ports: Ports) -> list[Any]:
    """Everything under ``/api``, and the reference page. Each route stands below the role that its verb asks for."""
    waits, check_of = Waits(), key_check(ports)
    given: Given = {"ports": lambda _: ports, "caller": found_caller, "waits": lambda _: waits}

    def keyed(roles: frozenset[Role], *handlers: HTTPRouteHandler, max_body: int | None = SMALL_BODY) -> None:
        """Routes for keys with one of `roles`. `max_body` in bytes; None: the body is streamed, and its verb counts."""
        check = check_of(Access(roles, max_body))
        # `name_unread_body` is for handlers that have no look at the body of their own.
        routes.extend(bound(each, given, check, each.before_request or name_unread_body) for each in handlers)

    routes: list[HTTPRouteHandler] = []
    keyed(
        READERS,
        sessions.read,
        sessions.when_completed,
        sessions.list_all,
        documents.read,
        documents.signers,
        documents.versions,
        documents.by_key,
        documents.find,
        security_contexts.list_all,
        demo.failures,
        document_keys.query,
        document_keys.unused,
        events.read,
        webhooks.read_event,
    )
    keyed(
        WORKERS,
        sessions.create,
        documents.preflight,
        signature.prepare,
        inspection.inspect,
        max_body=largest_body(ports),
    )
    keyed(
        WORKERS,
        sessions.cancel,
        documents.extend,
        demo.set_failures,
        document_keys.allocate,
        document_keys.allocate_batch,
        uploads.begin,
        uploads.end,
        signature.complete,
        authentication.prepare,
        authentication.complete,
        timestamps.issue,
    )
    keyed(WORKERS, timestamps.issue_default, timestamps.issue_of_tier, max_body=timestamps.MAX_QUERY)
    keyed(WORKERS, uploads.plain, uploads.part, max_body=None)
    keyed(
        MANAGERS,
        sessions.retry,
        api_keys.create,
        api_keys.list_all,
        api_keys.change,
        api_keys.revoke,
        api_keys.rotate,
        audit_log.read,
        applications.list_all,
        applications.read,
        applications.change,
        applications.disable,
        applications.enable,
        statistics.read,
        applications.read_metadata,
        applications.write_metadata,
        applications.read_return_urls,
        applications.write_return_urls,
        security_contexts.create,
        security_contexts.change,
        security_contexts.remove,
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
    )
    keyed(
        MANAGERS,
        erasures.erase_one_session,
        erasures.erase_one_document,
        persons.find,
        persons.export,
        persons.erase,
    )
    keyed(ADMINS, applications.create, applications.remove)
    keyed(
        ADMINS,
        timestamp_providers.list_all,
        timestamp_providers.create,
        timestamp_providers.change,
        timestamp_providers.remove,
        timestamp_providers.try_out,
    )
    # One router: the framework knows a path, with all its methods, in one only.
    keys = Router(
        path="/",
        route_handlers=routes,
        request_class=WireRequest,
        request_max_body_size=largest_body(ports),
    )
    return [
        keys,
        documents.download,
        system.info,
        system.keys,
        demo.crl,
        demo.root,
        demo.responder,
        *([] if ports.demo is None else [demo.timestamp]),
        pages.document,
        pages.page,
        pages.plain_page,
        pages.file,
        pages.home,
        pages.swagger,
    ]


def largest_body(ports: Ports) -> int:
    """Bytes of JSON with the largest file in it: base64 is a third larger, and there are some options."""
    return ports.limits.max_file * 4 // 3 + (1 << 20)


def openapi_config() -> OpenAPIConfig:
    """What ``/openapi.json`` is made of. The framework's own viewers are left out: they load scripts from a CDN."""
    ways = {
        "ApiKey": SecurityScheme(
            type="apiKey",
            name="X-Api-Key",
            security_scheme_in="header",
            description="`application|secret`; the part behind the line is enough. Of both headers this one counts.",
        ),
        "Bearer": SecurityScheme(
            type="http", scheme="bearer", description="`Authorization: Bearer application|secret`, the same key."
        ),
        "AuthorizationApiKey": SecurityScheme(
            type="apiKey",
            name="Authorization",
            security_scheme_in="header",
            description="`ApiKey application|secret`, the same key, as clients for timestamps send it.",
        ),
    }
    return OpenAPIConfig(
        title="Signroom API",
        version=version("signroom"),
        description="Self-hosted digital signature sessions.",
        components=Components(security_schemes={**ways}),
        security=[{way: []} for way in ways],
        use_handler_docstrings=True,
        openapi_router=Router(
            "/openapi", route_handlers=[], include_in_schema=False, before_request=pages.lead_to_document
        ),
        render_plugins=[JsonRenderPlugin(path="/")],
    )
