"""One frozen tree of settings, from ``SIGNROOM_*`` in the environment or ``signroom.toml``; the environment wins.

A wrong setting stops the start with one sentence that says the fix (`SettingsError`). Only ``wiring`` reads this.
"""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from signroom.domain.key_source import KeySource
from signroom.domain.security_context import ANY, BY_NAME, SecurityContext

PREFIX = "SIGNROOM_"
FILE = "signroom.toml"
MIN_SECRET = 32
MIN_EVENTS_KEPT = timedelta(days=30)
"""A receiver that was down for less catches up by itself: we promise that."""
MIN_TOKEN = 16
MAX_SCRIPT = 2 << 20
"""Bytes of a script that the operator adds to the page."""


class SettingsError(Exception):
    """One sentence that says which setting is wrong and how to mend it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """See ``docs/settings.md``. Sizes in bytes."""

    data: Path
    database_url: str
    pooler_url: str | None
    """The same database through a pooler like PgBouncer, for what a service asks. None: it asks by `database_url`."""
    blob_url: str
    blob_timeout: timedelta
    """How long an object store may say nothing."""
    public_url: str
    host: str
    port: int
    production: bool
    security_context: SecurityContext
    secret_key: bytes | None
    """None: made once in the data folder."""
    second_secret_key: bytes | None
    """What was made with it is still read. None: a file of the data folder says it, or there is none."""
    max_file: int
    session_lifetime: timedelta
    longest_session: timedelta
    """While the signer asks for more time."""
    events_kept: timedelta
    """At least `MIN_EVENTS_KEPT`."""
    audit_kept: timedelta
    api_key_lifetime: timedelta | None
    """Of keys for which nobody says when they end; None: they do not end."""
    trusted_proxies: tuple[str, ...]
    allowed_addresses: tuple[str, ...]
    """Private networks that files and revocation data may be fetched from."""
    trust_folder: Path
    """Trusted roots: one folder per security context."""
    revocation_max_age: timedelta
    """How old an OCSP response may be that is used again."""
    revocation_list_max_age: timedelta
    """How old a revocation list may be, at most until its nextUpdate."""
    issuer_hosts: tuple[str, ...]
    """Hosts that issuers' certificates are fetched from when nobody has sent them."""
    max_connections: int
    """Of this process."""
    max_connections_per_address: int
    """`trusted_proxies` do not count."""
    max_bodies: int
    """Bytes of bodies that are held at once."""
    header_timeout: timedelta
    body_timeout: timedelta
    """In each of these at least 1 KB per second of a body must have come."""
    keep_alive_timeout: timedelta
    rate_limits: tuple[str, str]
    """Requests per key, and per address, like ``600/minute``."""
    workers: int
    """Processes for CPU work."""
    metrics_token: str | None
    """Lets other machines read the metrics."""
    traces: bool
    """Where to is a matter between the standard variables and the exporter."""
    key_sources: tuple[KeySource, ...]
    web_pki_script: Path | None
    """The operator's copy of Lacuna Web PKI."""
    web_pki_license: str | None
    webhook_schedule: tuple[timedelta, ...]
    """How long deliveries wait before each try."""
    webhook_timeout: timedelta
    development_in_public: bool
    """Serve as development on an address that others reach."""
    timestamp_providers: Path | None
    """The file that names them; None: no timestamps, but for the demo's own."""
    eu_trust_lists: frozenset[str] | None
    """The countries of the EU whose trusted lists are fetched; empty: all. None: nothing is fetched."""
    files_compared_within: timedelta
    """Every stored file is compared once in this time."""
    archives_renewed_before: timedelta | None
    """So long before an archive timestamp ends another one is added; None: never by itself."""


NAMES = (
    "DATA",
    "DATABASE_URL",
    "POOLER_URL",
    "BLOB_URL",
    "BLOB_TIMEOUT",
    "PUBLIC_URL",
    "HOST",
    "PORT",
    "ENVIRONMENT",
    "DEFAULT_SECURITY_CONTEXT",
    "SECRET_KEY",
    "SECOND_SECRET_KEY",
    "MAX_FILE",
    "SESSION_LIFETIME",
    "LONGEST_SESSION",
    "EVENTS_KEPT",
    "AUDIT_KEPT",
    "API_KEY_LIFETIME",
    "TRUSTED_PROXIES",
    "ALLOW_PRIVATE_ADDRESSES",
    "TRUST_FOLDER",
    "REVOCATION_MAX_AGE",
    "REVOCATION_LIST_MAX_AGE",
    "ISSUER_HOSTS",
    "MAX_CONNECTIONS",
    "MAX_CONNECTIONS_PER_ADDRESS",
    "MAX_BODIES",
    "HEADER_TIMEOUT",
    "BODY_TIMEOUT",
    "KEEP_ALIVE_TIMEOUT",
    "RATE_LIMIT_KEY",
    "RATE_LIMIT_ADDRESS",
    "WORKERS",
    "METRICS_TOKEN",
    "KEY_SOURCES",
    "WEB_PKI_SCRIPT",
    "WEB_PKI_LICENSE",
    "WEBHOOK_SCHEDULE",
    "WEBHOOK_TIMEOUT",
    "EU_TRUST_LISTS",
    "FILES_COMPARED_WITHIN",
    "ARCHIVES_RENEWED_BEFORE",
    "TIMESTAMP_PROVIDERS",
    "DEVELOPMENT_IN_PUBLIC",
)
"""Every setting that this version reads, without the prefix."""

_OF_COMMANDS = {"PFX_PASSWORD", "ENDPOINT_SECRET", "PROVIDER_SECRET", "API_KEY", "WEBHOOK_SECRET"}
"""Secrets that commands take from the environment rather than from their arguments."""


_TRACES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""Standard variables: with either traces are sent."""


def read_settings(
    environment: Mapping[str, str], folder: Path, *, defaults: Mapping[str, str] | None = None
) -> Settings:
    """The settings of this process. `defaults` come last (the demo's). Raises: SettingsError."""
    source = _Source(environment, _toml(folder / FILE), dict(defaults or {}))
    source.require_known()
    data = Path(source.text("DATA", ".signroom")).absolute()
    production = source.choice("ENVIRONMENT", "development", ("development", "production")) == "production"
    host, port = source.text("HOST", "127.0.0.1"), source.number("PORT", 8400, 0, 65535)
    context = source.text("DEFAULT_SECURITY_CONTEXT", "" if production else ANY.name)
    secret = source.text("SECRET_KEY", "")
    if production and not secret:
        raise SettingsError(f"{PREFIX}SECRET_KEY is required in production: set it to 32 or more random characters.")
    second = source.text("SECOND_SECRET_KEY", "")
    for name, key in (("SECRET_KEY", secret), ("SECOND_SECRET_KEY", second)):
        if key and len(key) < MIN_SECRET:
            raise SettingsError(f"{PREFIX}{name} is too short: set it to 32 or more random characters.")
    if secret and secret == second:
        raise SettingsError(f"{PREFIX}SECOND_SECRET_KEY is the same as {PREFIX}SECRET_KEY: set another one, or none.")
    return Settings(
        data=data,
        database_url=_database_url(source.text("DATABASE_URL", f"sqlite:///{data / 'signroom.db'}")),
        pooler_url=_pooler_url(source.text("POOLER_URL", "")),
        blob_url=_blob_url(source.text("BLOB_URL", f"file://{data / 'files'}")),
        blob_timeout=_duration("BLOB_TIMEOUT", source.text("BLOB_TIMEOUT", "20 s")),
        public_url=_public_url(source.text("PUBLIC_URL", "")),
        host=host,
        port=port,
        production=production,
        security_context=_security_context(context),
        secret_key=secret.encode() or None,
        second_secret_key=second.encode() or None,
        max_file=_size("MAX_FILE", source.text("MAX_FILE", "100 MB")),
        session_lifetime=_duration("SESSION_LIFETIME", source.text("SESSION_LIFETIME", "4 h")),
        longest_session=_duration("LONGEST_SESSION", source.text("LONGEST_SESSION", "24 h")),
        events_kept=_events_kept(source.text("EVENTS_KEPT", "90 d")),
        audit_kept=_duration("AUDIT_KEPT", source.text("AUDIT_KEPT", "1826 d")),
        api_key_lifetime=_lifetime("API_KEY_LIFETIME", source.text("API_KEY_LIFETIME", "")),
        trusted_proxies=_networks("TRUSTED_PROXIES", source.text("TRUSTED_PROXIES", "")),
        allowed_addresses=_networks("ALLOW_PRIVATE_ADDRESSES", source.text("ALLOW_PRIVATE_ADDRESSES", "")),
        trust_folder=Path(source.text("TRUST_FOLDER", str(data / "trust"))).absolute(),
        revocation_max_age=_age("REVOCATION_MAX_AGE", source.text("REVOCATION_MAX_AGE", "10 min")),
        revocation_list_max_age=_age("REVOCATION_LIST_MAX_AGE", source.text("REVOCATION_LIST_MAX_AGE", "24 h")),
        issuer_hosts=_hosts("ISSUER_HOSTS", source.text("ISSUER_HOSTS", "")),
        max_connections=source.number("MAX_CONNECTIONS", 800, 10, 1_000_000),
        max_connections_per_address=source.number("MAX_CONNECTIONS_PER_ADDRESS", 100, 1, 1_000_000),
        max_bodies=_size("MAX_BODIES", source.text("MAX_BODIES", "256 MB")),
        header_timeout=_duration("HEADER_TIMEOUT", source.text("HEADER_TIMEOUT", "15 s")),
        body_timeout=_duration("BODY_TIMEOUT", source.text("BODY_TIMEOUT", "60 s")),
        keep_alive_timeout=_duration("KEEP_ALIVE_TIMEOUT", source.text("KEEP_ALIVE_TIMEOUT", "5 s")),
        rate_limits=(
            _rate("RATE_LIMIT_KEY", source.text("RATE_LIMIT_KEY", "6000/minute")),
            _rate("RATE_LIMIT_ADDRESS", source.text("RATE_LIMIT_ADDRESS", "6000/minute")),
        ),
        workers=source.number("WORKERS", min(os.cpu_count() or 2, 8), 1, 64),
        metrics_token=_token("METRICS_TOKEN", source.text("METRICS_TOKEN", "")),
        traces=any(environment.get(name) for name in _TRACES),
        key_sources=_key_sources(source.text("KEY_SOURCES", ",".join(KeySource))),
        web_pki_script=_script("WEB_PKI_SCRIPT", source.text("WEB_PKI_SCRIPT", "")),
        web_pki_license=source.text("WEB_PKI_LICENSE", "") or None,
        webhook_schedule=_schedule("WEBHOOK_SCHEDULE", source.text("WEBHOOK_SCHEDULE", _WEBHOOK_SCHEDULE)),
        webhook_timeout=_duration("WEBHOOK_TIMEOUT", source.text("WEBHOOK_TIMEOUT", "15 s")),
        development_in_public=source.choice("DEVELOPMENT_IN_PUBLIC", "no", ("yes", "no")) == "yes",
        timestamp_providers=_optional_path(source.text("TIMESTAMP_PROVIDERS", "")),
        eu_trust_lists=_eu_trust_lists(source.text("EU_TRUST_LISTS", "off")),
        files_compared_within=_duration("FILES_COMPARED_WITHIN", source.text("FILES_COMPARED_WITHIN", "30 d")),
        archives_renewed_before=_lifetime("ARCHIVES_RENEWED_BEFORE", source.text("ARCHIVES_RENEWED_BEFORE", "")),
    )


class _Source:
    """Looks a name up in the environment, then in the file, then in the defaults."""

    def __init__(self, environment: Mapping[str, str], file: Mapping[str, str], defaults: Mapping[str, str]) -> None:
        self._environment, self._file, self._defaults = environment, file, defaults

    def require_known(self) -> None:
        """A setting with a typing error in its name would otherwise be ignored in silence."""
        names = {n.removeprefix(PREFIX) for n in self._environment if n.startswith(PREFIX)}
        unknown = sorted((names - _OF_COMMANDS - set(NAMES)) | {n for n in self._file if n not in NAMES})
        if unknown:
            raise SettingsError(f"There is no setting {PREFIX}{unknown[0]}: remove it or correct its name.")

    def text(self, name: str, default: str) -> str:
        for where, key in ((self._environment, PREFIX + name), (self._file, name), (self._defaults, name)):
            if where.get(key):
                return where[key]
        return default

    def number(self, name: str, default: int, low: int, high: int) -> int:
        text = self.text(name, str(default))
        if not text.isdecimal() or not low <= int(text) <= high:
            raise SettingsError(f"{PREFIX}{name} is {text!r}: set it to a whole number from {low} to {high}.")
        return int(text)

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        text = self.text(name, default)
        if text not in choices:
            raise SettingsError(f"{PREFIX}{name} is {text!r}: set it to {' or '.join(choices)}.")
        return text


def _toml(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    try:
        found = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"{FILE} cannot be read: {error}.") from error
    return {
        name.upper(): ",".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in found.items()
    }


def _database_url(text: str) -> str:
    from sqlalchemy.engine import make_url  # heavy: `signroom --help` does without
    from sqlalchemy.exc import ArgumentError

    try:
        driver = make_url(text).drivername
    except ArgumentError as error:
        raise SettingsError(f"{PREFIX}DATABASE_URL is no URL: use postgresql://user:password@host/database.") from error
    if driver in {"postgres", "postgresql"}:
        return "postgresql+psycopg" + text[text.index("://") :]
    if driver not in {"sqlite", "postgresql+psycopg"}:
        raise SettingsError(f"{PREFIX}DATABASE_URL is for {driver!r}: use postgresql:// or sqlite:///.")
    return text


def _pooler_url(text: str) -> str | None:
    if not text:
        return None
    try:
        url = _database_url(text)
    except SettingsError as error:
        raise SettingsError(str(error).replace("DATABASE_URL", "POOLER_URL")) from None
    if url.startswith("sqlite"):
        raise SettingsError(f"{PREFIX}POOLER_URL is for SQLite: set it to the address of a pooler for PostgreSQL.")
    return url


def _blob_url(text: str) -> str:
    scheme = urlsplit(text).scheme
    if scheme not in {"file", "s3", "gs", "az"}:  # the rest of it may hold credentials
        raise SettingsError(f"{PREFIX}BLOB_URL is for {scheme!r}: use file:///folder, s3://, gs:// or az://.")
    return text


def _public_url(text: str) -> str:
    if not text:
        raise SettingsError(
            f"{PREFIX}PUBLIC_URL is missing: set it to the address that browsers use, like https://sign.example."
        )
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise SettingsError(f"{PREFIX}PUBLIC_URL is {text!r}: set it to an address like https://sign.example.")
    if parts.path.strip("/"):
        raise SettingsError(f"{PREFIX}PUBLIC_URL has the path {parts.path!r}: give the service a host name of its own.")
    return text.rstrip("/")


def _security_context(text: str) -> SecurityContext:
    known = " or ".join(BY_NAME)
    if not text:
        raise SettingsError(f"{PREFIX}DEFAULT_SECURITY_CONTEXT is required in production: set it to {known}.")
    try:
        return BY_NAME[text]
    except KeyError as error:
        raise SettingsError(f"{PREFIX}DEFAULT_SECURITY_CONTEXT is {text!r}: set it to {known}.") from error


def _key_sources(text: str) -> tuple[KeySource, ...]:
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    known = [kind.value for kind in KeySource]
    if not found or len(set(found)) < len(found) or not set(found) <= set(known):
        raise SettingsError(f"{PREFIX}KEY_SOURCES is {text!r}: set it to some of {', '.join(known)}, each once.")
    return tuple(KeySource(name) for name in found)


def _eu_trust_lists(text: str) -> frozenset[str] | None:
    found = frozenset(part.strip().upper() for part in text.split(",") if part.strip())
    if found in ({"OFF"}, {"ALL"}):
        return None if found == {"OFF"} else frozenset()
    if not found or not all(len(name) == 2 and name.isascii() and name.isalpha() for name in found):
        raise SettingsError(f"{PREFIX}EU_TRUST_LISTS is {text!r}: set it to off, to all, or to countries like PT,ES.")
    return found


def _script(name: str, text: str) -> Path | None:
    if not text:
        return None
    file = Path(text).absolute()
    if not file.is_file() or file.stat().st_size > MAX_SCRIPT:
        raise SettingsError(f"{PREFIX}{name} is {text!r}: set it to a JavaScript file of at most 2 MB.")
    return file


def _optional_path(text: str) -> Path | None:
    return Path(text).absolute() if text else None


def _token(name: str, text: str) -> str | None:
    if not text:
        return None
    if len(text) < MIN_TOKEN or not text.isascii() or not text.isprintable() or " " in text:
        raise SettingsError(f"{PREFIX}{name} cannot be used: set it to {MIN_TOKEN} or more random letters and digits.")
    return text


_WEBHOOK_SCHEDULE = "0, 10 s, 1 min, 10 min, 1 h, 4 h, 12 h, 24 h, 40 h"
"""Nine tries over three days and some hours, also when every wait is as short as its jitter makes it."""
MAX_TRIES = 50
_UNITS = {"": 1, "B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}
_TIMES = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def _size(name: str, text: str) -> int:
    return _quantity(name, text, _UNITS, str.upper, "a size like 100 MB")


def _duration(name: str, text: str) -> timedelta:
    return timedelta(seconds=_quantity(name, text, _TIMES, str.lower, "a time like 4 h"))


def _age(name: str, text: str) -> timedelta:
    """0 is an age too: nothing is used again."""
    return timedelta() if text.strip() == "0" else _duration(name, text)


def _events_kept(text: str) -> timedelta:
    kept = _duration("EVENTS_KEPT", text)
    if kept < MIN_EVENTS_KEPT:
        raise SettingsError(f"{PREFIX}EVENTS_KEPT is {text!r}: set it to {MIN_EVENTS_KEPT.days} d or more.")
    return kept


def _lifetime(name: str, text: str) -> timedelta | None:
    return None if text.strip() in {"", "0"} else _duration(name, text)


def _schedule(name: str, text: str) -> tuple[timedelta, ...]:
    """Waits before each try; the first may be 0. Only here milliseconds make sense: in tests."""
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > MAX_TRIES or not all(parts):
        raise SettingsError(f"{PREFIX}{name} is {text!r}: set it to 1 to {MAX_TRIES} waits like 0, 10 s, 4 h.")
    return tuple(timedelta() if part == "0" else _wait(name, part) for part in parts)


def _wait(name: str, text: str) -> timedelta:
    milliseconds = {unit: seconds * 1000 for unit, seconds in _TIMES.items()} | {"": 1000, "ms": 1}
    return timedelta(milliseconds=_quantity(name, text, milliseconds, str.lower, "waits like 0, 10 s, 4 h"))


def _quantity(name: str, text: str, units: Mapping[str, int], fold: Callable[[str], str], like: str) -> int:
    digits = text[: len(text) - len(text.lstrip("0123456789"))]
    unit = fold(text[len(digits) :].strip())
    if not digits or unit not in units or int(digits) == 0:
        raise SettingsError(f"{PREFIX}{name} is {text!r}: set it to {like}.")
    return int(digits) * units[unit]


def _rate(name: str, text: str) -> str:
    import limits  # heavy: `signroom --help` does without

    try:
        limits.parse(text)
    except ValueError as error:
        raise SettingsError(f"{PREFIX}{name} is {text!r}: set it to a rate like 6000/minute.") from error
    return text


def _hosts(name: str, text: str) -> tuple[str, ...]:
    found = tuple(part.strip().lower() for part in text.split(",") if part.strip())
    for host in found:
        if not re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*", host):
            raise SettingsError(f"{PREFIX}{name} has {host!r}: set it to names of hosts like certificates.example.org.")
    return found


def _networks(name: str, text: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    for network in found:
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError as error:
            raise SettingsError(
                f"{PREFIX}{name} has {network!r}: set it to addresses or networks like 10.0.0.0/8."
            ) from error
    return found
