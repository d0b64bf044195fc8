"""One question to our own public address, as a browser would ask it: no guard, no redirect, little patience."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

import httpx

from signroom.ports.operations import Obstacle, Probed

_SECONDS = 5.0
_MAX_BODY = 4096


def probe(url: str, headers: Mapping[str, str] | None = None) -> Probed | Obstacle:
    """What `url` answers, or what stands in the way. Blocks for some seconds at most."""
    try:
        with (
            httpx.Client(timeout=_SECONDS, trust_env=False, verify=ssl.create_default_context()) as client,
            client.stream("GET", url, headers=headers) as answer,
        ):
            return _probed(answer)
    except httpx.TimeoutException:
        return Obstacle.SILENT
    except httpx.ConnectError as error:
        return _obstacle(error)
    except httpx.HTTPError:
        return Obstacle.NO_HTTP


def _probed(answer: httpx.Response) -> Probed:
    body = b""
    for chunk in answer.iter_raw():
        body += chunk
        if len(body) > _MAX_BODY:
            break
    try:
        date = parsedate_to_datetime(answer.headers.get("date", "")).astimezone(UTC)
    except ValueError:
        date = None
    return Probed(answer.status_code, body[:_MAX_BODY], date)


def _obstacle(error: BaseException) -> Obstacle:
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, ssl.SSLError):
            return Obstacle.TLS
        if isinstance(found, OSError) and type(found).__name__ == "gaierror":
            return Obstacle.UNKNOWN_NAME
        found = found.__cause__ or found.__context__
    return Obstacle.REFUSED
