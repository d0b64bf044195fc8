"""The providers of timestamps as the operator writes them down: a TOML file with a table ``[[provider]]`` for each."""

from __future__ import annotations

import base64
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpx

from signroom.domain.errors import BadInput
from signroom.domain.security_context import BY_NAME, SecurityContext
from signroom.domain.timestamp import (
    DEFAULT_TIER,
    ClientCertificate,
    HeaderCredentials,
    TimestampProvider,
    require_tier,
)

_KNOWN = {
    "name",
    "url",
    "context",
    "tier",
    "priority",
    "user",
    "password",
    "bearer",
    "header",
    "key",
    "certificate_file",
    "key_file",
}
_HEADER = re.compile(r"[A-Za-z0-9-]+")
_WAYS = ({"user", "password"}, {"bearer"}, {"header", "key"}, {"certificate_file", "key_file"})
"""To say who asks: Basic, Bearer, an API key in a header, mutual TLS. A provider has at most one."""


class BrokenProviders(ValueError):
    """One sentence that says what is wrong in the file. It holds no secret."""


def read_providers(file: Path, default: SecurityContext) -> tuple[TimestampProvider, ...]:
    """The providers in `file`. `default`: the context of those that name none. Raises: BrokenProviders."""
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise BrokenProviders(f"{file} cannot be read.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BrokenProviders(f"{file} is no TOML file in UTF-8.") from error
    tables = content.get("provider", [])
    if set(content) - {"provider"} or not isinstance(tables, list) or not tables:
        raise BrokenProviders(f"{file} must have tables [[provider]], and nothing else.")
    found = tuple(_provider(table, number, default) for number, table in enumerate(tables, 1))
    names = [one.name for one in found]
    if len(set(names)) < len(names):
        raise BrokenProviders(f"{file} has two providers of one name.")
    return found


def _provider(table: Mapping[str, Any], number: int, default: SecurityContext) -> TimestampProvider:
    place = f"Provider {number}"
    if isinstance(table, dict) and isinstance(name := table.get("name"), str) and name:
        place = f"{place} ({name!r})"
    if not isinstance(table, dict) or set(table) - _KNOWN:
        unknown = sorted(set(table) - _KNOWN)[:1]
        raise BrokenProviders(f"{place} has the unknown key {unknown[0]!r}." if unknown else f"{place} is no table.")
    priority = table.get("priority", 1)
    texts = {key: value for key, value in table.items() if key != "priority"}
    if not all(isinstance(value, str) and value for value in texts.values()):
        raise BrokenProviders(f"{place}: every value but priority is a text, and none is empty.")
    if not isinstance(priority, int) or isinstance(priority, bool) or not 1 <= priority <= 100:
        raise BrokenProviders(f"{place}: priority is a whole number from 1 to 100.")
    parts = _address(texts.get("url", ""))
    if parts is None or not parts.hostname:
        raise BrokenProviders(f"{place}: url is an address like https://tsa.example/tsr, without a password in it.")
    context = BY_NAME.get(texts.get("context", default.name))
    if context is None or context.any_issuer:
        raise BrokenProviders(f"{place}: context is one with trusted roots, such as icp-brasil.")
    try:
        tier = require_tier(texts.get("tier", DEFAULT_TIER))
    except BadInput as error:
        raise BrokenProviders(f"{place}: {error}") from error
    return TimestampProvider(
        name=texts.get("name", parts.hostname),
        url=texts["url"],
        context=context,
        tier=tier,
        priority=priority,
        credentials=_credentials(texts, place, encrypted=parts.scheme == "https"),
    )


def _address(text: str) -> SplitResult | None:
    """None for what cannot be asked."""
    try:
        httpx.URL(text)
        parts = urlsplit(text)
        port_is_good = parts.port is None or parts.port > 0
    except (httpx.InvalidURL, ValueError):
        return None
    plain = text.isascii() and text.isprintable() and " " not in text
    return parts if plain and port_is_good and parts.scheme in {"http", "https"} and parts.username is None else None


def _credentials(
    texts: Mapping[str, str], place: str, *, encrypted: bool
) -> HeaderCredentials | ClientCertificate | None:
    given = set(texts) & set().union(*_WAYS)
    if not given:
        return None
    if given not in _WAYS:
        raise BrokenProviders(
            f"{place}: give user and password, or bearer, or header and key, or certificate_file and key_file."
        )
    if not encrypted:
        raise BrokenProviders(f"{place}: credentials are sent to an https address only.")
    if not all(texts[key].isascii() and texts[key].isprintable() for key in given - {"user", "password"}):
        raise BrokenProviders(f"{place}: credentials have no other characters than printable ASCII.")
    if not _HEADER.fullmatch(texts.get("header", "X")):
        raise BrokenProviders(f"{place}: header is the name of a header, like X-Api-Key.")
    if "certificate_file" in given:
        return ClientCertificate(texts["certificate_file"], texts["key_file"])
    if "bearer" in given:
        return HeaderCredentials("Authorization", f"Bearer {texts['bearer']}")
    if "user" in given:
        pair = base64.b64encode(f"{texts['user']}:{texts['password']}".encode()).decode()
        return HeaderCredentials("Authorization", f"Basic {pair}")
    return HeaderCredentials(texts["header"], texts["key"])
