"""``signroom doctor``: looks at an installation as it is, one line per check; a line that fails says the fix.

Nothing is made or changed, but a file of some bytes in the blob store that is deleted again. Every check stands
alone: where the database is down the others are still made.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from signroom.cli.configuration import DEMO_DEFAULTS, DEMO_KEY_FILE, DEMO_URL, current_settings
from signroom.cli.logs import configure_logs
from signroom.cli.running import known_address
from signroom.domain.backup import Installation
from signroom.domain.blob_key import doctor_probe
from signroom.domain.errors import SignroomError
from signroom.http.echo import ECHO
from signroom.http.health import LIVE
from signroom.http.metrics import is_loopback
from signroom.ports.operations import UNUSED_AFTER, DatabaseDiagnosis, Migrations, Obstacle, Probed, ProviderReach
from signroom.ports.secrets import SealedWith
from signroom.service.access.self_check import self_check_token
from signroom.service.maintenance.change_secret_key import KeyNeeds, examine_keys
from signroom.service.maintenance.compare_files import all_damaged_files
from signroom.service.timestamps.examine_provider import examine_providers
from signroom.settings import Settings, SettingsError
from signroom.wiring import (
    DOWNLOAD_LIFETIME,
    AskingProviders,
    asking_providers,
    configured_providers,
    examine_answers,
    examine_database,
    examine_jobs,
    examine_lists,
    examine_revocation,
    installed_keys,
    installed_store,
    open_installed_blobs,
    pooler_problem,
    probe_address,
    secrets_of,
    system_clock,
    tokens_of,
)

FAILED = 1
_SECONDS_APART = 2.0
"""Between the database's clock and this machine's. Two machines then differ by 4 s at most, and a document that one has
signed still has some of its `SIGNING_SECONDS` on the other.
"""
_PUBLIC_SECONDS_APART = 5.0
"""The `Date` header has whole seconds, servers make it once a second, and the answer takes its time."""
_PROCESS_CONNECTIONS = 40
"""Of PostgreSQL, that one more process may want."""
_DISK_FEW, _DISK_NONE, _DISK_SHARE = 2 << 30, 200 << 20, 0.1
_JOB_LATE_SECONDS = 300
_REINSTALL = "reinstall signroom; in a checkout: `npm ci && npm run build` in web/"
_RESTORE = 'restore it from the backup under the same name (docs/operate/storage.md, "Files that have changed")'
_FETCH_LISTS = "run `signroom trust refresh`, and let this machine reach ec.europa.eu and the national addresses"
_GOES_ON = "Processes that run go on with what they have read before; none starts."
_IMPORT_LISTS = "fetch the lists again elsewhere, and run `signroom trust import`"
_ASK_PROVIDER = "let this machine reach its address, and compare its account, its context and its roots"
_PROVIDER_SECONDS = 5.0
_DIGEST = hashlib.sha256(b"signroom doctor").digest()
"""What providers are asked to stamp. It says nothing of any document."""
_BACKUP_OLD_HOURS = 48
_BACK_UP = "run `signroom backup` every night (docs/operate/backup.md); where another program copies all, ignore this"
_STATIC = Path(__file__).parents[1] / "page" / "static"


class Severity(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line."""

    check: str
    level: Severity
    what: str
    fix: str = ""


Found = Iterator[CheckResult]


def run_doctor(*, as_json: bool, blobs: bool = False, offline: bool = False) -> int:
    """Exit code: 0 nothing fails, 1 something does.

    `blobs`: also read every stored file. `offline`: ask no timestamp provider and no responder.
    """
    configure_logs(logging.CRITICAL)  # what a check finds is in its line
    findings = list(_findings(blobs=blobs, offline=offline))
    if as_json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            print(f"{finding.level:<5}{finding.check:<14}{finding.what}")
            if finding.fix:
                print(f"{'':<19}fix: {finding.fix}")
    return FAILED if any(finding.level is Severity.FAIL for finding in findings) else 0


def _findings(*, blobs: bool, offline: bool) -> Found:
    try:
        settings = _current_settings()
        installed_keys(settings)
    except SettingsError as error:
        yield CheckResult("settings", Severity.FAIL, "A setting is wrong.", str(error))
        return
    yield from _settings(settings)
    checks = (
        _trust,
        trusted_lists,
        timestamps,
        timestamp_providers,
        _revocation,
        _data_folder,
        _disk,
        _page,
        _database,
        _jobs,
        _blobs,
        _public,
    )
    for check in (*checks, _every_file) if blobs else checks:
        if not (offline and check in _OF_OTHERS):
            yield from check(settings)


def _current_settings() -> Settings:
    """Those of the demo in its data folder, which says by itself what a server is told.

    Where no public address is set, it is the one of the last start in this folder. Raises: SettingsError.
    """
    settings = current_settings({**DEMO_DEFAULTS, "PUBLIC_URL": DEMO_URL})
    known = known_address(settings.data)
    if _is_demo(settings):
        return current_settings({**DEMO_DEFAULTS, "PUBLIC_URL": known or DEMO_URL})
    return current_settings(None if known is None else {"PUBLIC_URL": known})


def _is_demo(settings: Settings) -> bool:
    return not settings.production and (settings.data / DEMO_KEY_FILE).is_file()


def _settings(settings: Settings) -> Found:
    parts = urlsplit(settings.public_url)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        yield CheckResult(
            "settings",
            Severity.FAIL if settings.production else Severity.WARN,
            "SIGNROOM_PUBLIC_URL is http: browsers offer no cryptography there, and links can be read on the way.",
            "put a proxy with a certificate in front and set SIGNROOM_PUBLIC_URL to its https address",
        )
    else:
        kind = "production" if settings.production else "development: not for signatures that count"
        if _is_demo(settings):
            kind = "the data folder of a demo"
        yield CheckResult("settings", Severity.OK, f"{settings.public_url}, {kind}")


def _trust(settings: Settings) -> Found:
    context, folder = settings.security_context, settings.trust_folder / settings.security_context.name
    if context.any_issuer and settings.production:
        yield CheckResult(
            "trust",
            Severity.WARN,
            "Every issuer is accepted, so nobody confirms who a signer is; log-in and requirements are refused.",
            "put the roots of an authority into SIGNROOM_TRUST_FOLDER and name their context in "
            "SIGNROOM_DEFAULT_SECURITY_CONTEXT",
        )
    elif settings.production and not (folder.is_dir() and any(file.is_file() for file in folder.iterdir())):
        yield _failed(
            "trust",
            f"The security context {context.name} has no trusted roots.",
            f"put the certificates of its root authorities, PEM or DER, into {folder} as *.crt files",
        )
    else:
        yield CheckResult("trust", Severity.OK, f"the default security context is {context.name}")


def _revocation(settings: Settings) -> Found:
    try:
        found = examine_revocation(settings)
    except ValueError as error:  # a file that is no certificate; the start refuses it too
        yield _failed("revocation", str(error), "remove the file from SIGNROOM_TRUST_FOLDER, or replace it")
        return
    missing = [f"{one.name}: {one.obstacle}" for one in found if one.obstacle is not None]
    if missing:
        yield CheckResult(
            "revocation",
            Severity.WARN,
            f"Of {len(missing)} of {len(found)} authorities it is not known whether they were revoked. {missing[0]}",
            "let this machine reach the addresses in their certificates (OCSP, revocation lists)",
        )
    else:
        asked = f"of {len(found)} configured authorities somebody says that they are not revoked"
        yield CheckResult("revocation", Severity.OK, asked if found else "no authority below a root is configured")


# -- this machine ------------------------------------------------------------------------------


def trusted_lists(settings: Settings) -> Found:
    """One line for the lists of the EU, and one for each that is wrong. No line where nobody uses them."""
    try:
        found, tried = examine_lists(settings)
    except SettingsError as error:
        yield _failed("trusted lists", f"{error} {_GOES_ON}", "remove the file, or replace it")
        return
    wanted = settings.eu_trust_lists
    if wanted is None and found.master is None and not found.refused:
        return
    now = datetime.now(UTC)
    fix = _FETCH_LISTS if wanted is not None else _IMPORT_LISTS
    if found.master is None:
        what = found.refused.get("LOTL", "There is none yet.")
        yield _failed("trusted lists", f"The list of the lists: {what}", fix)
        return
    for territory, reason in sorted(found.refused.items()):
        yield _failed("trusted lists", f"The list of {territory} does not count: {reason}", fix)
    for each in (found.master, *found.national):
        if each.expired(now):
            what = f"The list of {each.territory} should have been followed by another on {each.next_update:%Y-%m-%d}."
            yield _failed("trusted lists", what, fix)
    there = {each.territory for each in found.national}
    for territory in sorted((wanted or set()) - there - found.refused.keys()):
        yield _failed("trusted lists", f"There is no list of {territory}.", fix)
    for territory, reason in sorted(tried.refused.items()):
        what = f"The newest list of {territory} was refused: {reason} The one before it is kept."
        yield CheckResult("trusted lists", Severity.WARN, what, "look whether it goes on; `signroom trust refresh`")
    oldest = min((found.master, *found.national), key=lambda each: each.issued)
    next_one = min(each.next_update for each in (found.master, *found.national))
    yield CheckResult(
        "trusted lists",
        Severity.OK,
        f"number {found.master.sequence} of the EU and {len(found.national)} national ones; the oldest is "
        f"{(now - oldest.issued).days} days old; the next update is due on {next_one:%Y-%m-%d}",
    )


def timestamps(settings: Settings) -> Found:
    """One line for the file of timestamp providers; no line where there is none."""
    if settings.timestamp_providers is None:
        return
    try:
        found = configured_providers(settings)
    except (ValueError, OSError) as error:
        yield _failed("timestamps", f"{error} {_GOES_ON}", "correct the file that SIGNROOM_TIMESTAMP_PROVIDERS names")
    else:
        tiers = ", ".join(sorted({one.tier for one in found}))
        what = f"the file names {len(found)} providers, of the tiers {tiers}"
        yield CheckResult("timestamps", Severity.OK, what)


def timestamp_providers(settings: Settings) -> Found:
    """One line for each timestamp provider, of the file and of the database. Each is asked for a timestamp.

    Where another one of its tier stands in for it, one that gives none is a warning.
    """
    with ExitStack() as closing:
        try:
            ports = closing.enter_context(asking_providers(settings))
        except (ValueError, OSError, SettingsError):
            return  # the lines of the file, of the lists and of the roots say it
        found = _asked(ports)
    served = {one.tier for one in found if one.obstacle is None}
    for one in found:
        if one.obstacle is None:
            what = f"{one.name} of the tier {one.tier} gives timestamps that count in {one.context}"
            yield CheckResult("timestamps", Severity.OK, what)
            continue
        level = Severity.WARN if one.tier in served else Severity.FAIL
        what = f"{one.name} of the tier {one.tier} gives none that counts in {one.context}: {one.obstacle}"
        yield CheckResult("timestamps", level, what, _ASK_PROVIDER)


def _asked(ports: AskingProviders) -> list[ProviderReach]:
    wrong = asyncio.run(examine_providers(ports, ports.providers, _DIGEST, seconds=_PROVIDER_SECONDS))
    asked = zip(ports.providers, wrong, strict=True)
    return [*(ProviderReach(one.name, one.tier, one.context.name, why) for one, why in asked), *ports.unusable]


def _data_folder(settings: Settings) -> Found:
    if not settings.data.is_dir():
        yield _failed("data folder", f"{settings.data} does not exist.", "run `signroom migrate` as the service's user")
    elif not os.access(settings.data, os.R_OK | os.W_OK | os.X_OK):
        yield _failed("data folder", f"{settings.data} cannot be written by this user.", "run as the service's user")
    elif settings.data.stat().st_mode & 0o077:
        fix = f"chmod 700 {settings.data}"
        yield CheckResult(
            "data folder", Severity.WARN, f"{settings.data} can be read by other users of this machine.", fix
        )
    else:
        yield CheckResult("data folder", Severity.OK, str(settings.data))


def _disk(settings: Settings) -> Found:
    """Of the data folder, and of the files where they are in another one."""
    folders = {settings.data}
    if settings.blob_url.startswith("file://"):
        folders.add(Path(settings.blob_url.removeprefix("file://")))
    devices = {folder.stat().st_dev: folder for folder in sorted(folders) if folder.is_dir()}
    for folder in devices.values():
        yield _space(folder)


def _space(folder: Path) -> CheckResult:
    usage = shutil.disk_usage(folder)
    free = f"{usage.free / (1 << 30):.1f} GB free of {usage.total / (1 << 30):.1f} in {folder}"
    fix = "make room, or move SIGNROOM_DATA or SIGNROOM_BLOB_URL to a larger disk"
    if usage.free < _DISK_NONE:
        return _failed("disk", free, fix)
    if usage.free < _DISK_FEW or usage.free < usage.total * _DISK_SHARE:
        return CheckResult("disk", Severity.WARN, free, fix)
    return CheckResult("disk", Severity.OK, free)


def _page(_settings: Settings) -> Found:
    scripts = list((_STATIC / "assets").glob("*.js"))
    if (_STATIC / "index.html").is_file() and scripts:
        yield CheckResult("page", Severity.OK, f"the signing page is there ({len(scripts)} scripts)")
    else:
        yield _failed("page", "The signing page's files are missing.", _REINSTALL)


_OF_OTHERS = frozenset({timestamp_providers, _revocation})
"""The checks that ask machines of others."""


# -- what is shared ----------------------------------------------------------------------------


def _database(settings: Settings) -> Found:
    if not _is_there(settings):
        yield _failed("database", "There is no file at SIGNROOM_DATABASE_URL yet.", "run `signroom migrate`")
        return
    try:
        found = examine_database(settings)
    except SignroomError:
        yield _failed(
            "database",
            "It does not answer, or refuses this user.",
            "check SIGNROOM_DATABASE_URL (host, port, user, password, database) and that the server is up",
        )
        return
    yield from _database_state(found)
    problem = pooler_problem(settings)
    if problem is not None:
        yield _failed("pooler", problem, "check SIGNROOM_POOLER_URL, and the pooler's own list of databases")
    yield _migrations(found.migrations)
    yield _clock("its clock and this machine's", found.ahead, _SECONDS_APART)
    if found.migrations is Migrations.CURRENT:
        yield from _secret_keys(settings)
        yield _answers(settings)
    yield _keys(found)
    if found.installation is not None:
        yield _backup(found.installation, datetime.now(UTC), production=settings.production)


def _is_there(settings: Settings) -> bool:
    """False for a SQLite file that is not there: a look at it would make it."""
    url = settings.database_url
    return not url.startswith("sqlite:///") or Path(url.removeprefix("sqlite:///")).is_file()


def _database_state(found: DatabaseDiagnosis) -> Found:
    name = f"{found.product} {found.version}"
    if found.read_only:
        yield _failed("database", f"{name} is a standby.", "point SIGNROOM_DATABASE_URL to the primary")
    elif found.free_connections is not None and found.free_connections < _PROCESS_CONNECTIONS:
        yield CheckResult(
            "database",
            Severity.WARN,
            f"{name} has {found.free_connections} connections left; a process takes up to {_PROCESS_CONNECTIONS}.",
            "raise max_connections, or run fewer processes",
        )
    else:
        left = "" if found.free_connections is None else f", {found.free_connections} connections free"
        yield CheckResult("database", Severity.OK, f"{name}{left}")


def _migrations(found: Migrations) -> CheckResult:
    if found is Migrations.CURRENT:
        return CheckResult("migrations", Severity.OK, "the tables are those of this version")
    if found is Migrations.NEWER:
        what = "The tables are those of a newer version than this one."
        return CheckResult("migrations", Severity.WARN, what, "finish the upgrade: install the newer version here too")
    what = "The database has no tables." if found is Migrations.MISSING else "The tables are of an older version."
    return _failed("migrations", what, "run `signroom migrate`")


def _answers(settings: Settings) -> CheckResult:
    try:
        kept = examine_answers(settings)
    except SignroomError as error:
        return CheckResult("answers", Severity.WARN, error.message, "see the check that fails")
    if kept.oldest is None:
        return CheckResult("answers", Severity.OK, "none about revocation are kept")
    hours = (datetime.now(UTC) - kept.oldest).total_seconds() / 3600
    what = f"{kept.count} about revocation are kept ({kept.length / 2**20:.1f} MB), the oldest for {hours:.1f} hours"
    return CheckResult("answers", Severity.OK, what)


def _keys(found: DatabaseDiagnosis) -> CheckResult:
    """Keys that nobody misses are the ones that leak unseen."""
    told = []
    if found.unused_keys:
        told.append(f"nobody has used these for {UNUSED_AFTER.days} days: {', '.join(found.unused_keys)}")
    if found.endless_keys:
        told.append(f"these never end: {', '.join(found.endless_keys)}")
    if not told:
        return CheckResult("API keys", Severity.OK, "each is in use and has an end")
    fix = "end them with `signroom keys revoke` or `signroom keys expire`; SIGNROOM_API_KEY_LIFETIME ends new ones"
    return CheckResult("API keys", Severity.WARN, "; ".join(told), fix)


def _backup(found: Installation, now: datetime, *, production: bool) -> CheckResult:
    """Those that `signroom backup` has made; what else copies the disk is not known here."""
    restored = ""
    if found.restored_at is not None and found.restored_from is not None:
        restored = f"; restored on {found.restored_at:%Y-%m-%d} from the backup of {found.restored_from:%Y-%m-%d %H:%M}"
    if found.backed_up_at is None:
        level = Severity.WARN if production else Severity.OK
        return CheckResult("backup", level, f"none was made by `signroom backup` yet{restored}", _BACK_UP)
    hours = (now - found.backed_up_at).total_seconds() / 3600
    what = f"the last one is {hours:.0f} hours old, in {found.backup_place}{restored}"
    if hours > _BACKUP_OLD_HOURS:
        return CheckResult("backup", Severity.WARN, what, _BACK_UP)
    return CheckResult("backup", Severity.OK, what)


def _clock(whose: str, apart: float, most: float) -> CheckResult:
    what = f"{whose} differ by {abs(apart):.1f} s"
    if abs(apart) > most:
        return _failed("clock", what, "synchronise the clocks of all machines (chrony, systemd-timesyncd)")
    return CheckResult("clock", Severity.OK, what)


def _secret_keys(settings: Settings) -> Found:
    """What is sealed with which key, and whether the second key may be removed."""
    try:
        needs = examine_secret_keys(settings)
    except SignroomError:
        what = "It cannot be read what is sealed with it."
        yield _failed("secret key", what, "mend the database, or put a backup in its place")
        return
    if needs is None:
        yield _failed("secret key", "There is none yet.", "run `signroom serve` once, or set SIGNROOM_SECRET_KEY")
        return
    yield _sealed(needs)
    if needs.two_keys:
        yield _second_key(needs, datetime.now(UTC))


def examine_secret_keys(settings: Settings) -> KeyNeeds | None:
    """What needs which secret key; None where there is no key yet. Raises: DatabaseUnavailable, SettingsError."""
    keys = installed_keys(settings)
    if keys is None:
        return None
    with installed_store(settings) as store:
        return examine_keys(store, secrets_of(keys), tokens_of(keys), datetime.now(UTC), DOWNLOAD_LIFETIME)


def _sealed(needs: KeyNeeds) -> CheckResult:
    count = needs.sealed
    wrong = count.get(SealedWith.OTHER, 0)
    told = [
        f"{wrong} secrets were sealed with another key" if wrong else "",
        f"{count[SealedWith.DAMAGED]} were changed in the database" if SealedWith.DAMAGED in count else "",
        f"{count[SealedWith.UNKNOWN]} were sealed with another key, or changed" if SealedWith.UNKNOWN in count else "",
    ]
    if any(told):
        return _failed(
            "secret key",
            f"It does not open all secrets that are stored: {', '.join(part for part in told if part)}.",
            "set SIGNROOM_SECRET_KEY to the same on every machine; if a key was removed too early, set it as "
            "SIGNROOM_SECOND_SECRET_KEY and run `signroom secrets reseal`; if it is lost, set the endpoints' "
            "secrets again",
        )
    stored = sum(count.values())
    what = f"it opens the {stored} secrets that are stored" if stored else "set; no secret is stored"
    return CheckResult("secret key", Severity.OK, what)


def _second_key(needs: KeyNeeds, now: datetime) -> CheckResult:
    reseal = "once every machine has the new key as SIGNROOM_SECRET_KEY, run `signroom secrets reseal`"
    links = f"{needs.links} links of open sessions" if needs.links else "no link of an open session"
    secrets = needs.sealed.get(SealedWith.SECOND, 0)
    until = needs.second_needed_until
    if secrets or (until is None and needs.links):
        return CheckResult("second key", Severity.WARN, f"{secrets} secrets and {links} need it.", reseal)
    if until is None:
        what = "known; nothing that is stored needs it, and it was never said that all machines use the first"
        return CheckResult("second key", Severity.OK, what)
    if until > now:
        fix = f"keep SIGNROOM_SECOND_SECRET_KEY until {until:%Y-%m-%dT%H:%M:%SZ}"
        return CheckResult("second key", Severity.WARN, f"no secret needs it; {links} and download addresses do.", fix)
    return CheckResult("second key", Severity.WARN, "nothing needs it.", "remove SIGNROOM_SECOND_SECRET_KEY")


def _jobs(settings: Settings) -> Found:
    if not _is_there(settings):
        return  # said above
    try:
        found = examine_jobs(settings)
    except SignroomError:
        yield _failed(
            "jobs", "Its tables cannot be read.", "mend the database; where it answers, run `signroom migrate`"
        )
        return
    late = 0.0 if found.oldest_due is None else (datetime.now(UTC) - found.oldest_due).total_seconds()
    if found.executors == 0:
        yield _failed("jobs", "No process runs jobs.", "start `signroom serve` or `signroom worker`")
    elif late > _JOB_LATE_SECONDS:
        what = f"The oldest job that could run waits for {late / 60:.0f} minutes; {found.executors} processes run jobs."
        yield _failed("jobs", what, "start more `signroom worker` processes, and look for errors in their logs")
    elif found.dead:
        what = f"{found.executors} processes run jobs; {found.dead} jobs failed for good."
        yield CheckResult(
            "jobs", Severity.WARN, what, "see `signroom jobs list`, mend the cause, `signroom jobs retry ID`"
        )
    else:
        yield CheckResult("jobs", Severity.OK, f"{found.executors} processes run jobs; the oldest waits {late:.0f} s")


def _blobs(settings: Settings) -> Found:
    if not settings.data.is_dir():
        return  # said above
    if settings.blob_url.startswith("file://") and not Path(settings.blob_url.removeprefix("file://")).is_dir():
        yield _failed("files", f"{settings.blob_url} does not exist.", "start the service once, or mount the disk")
        return
    fix = (
        "check that the folder can be written by this user, and that its disk is not full"
        if settings.blob_url.startswith("file://")
        else "check SIGNROOM_BLOB_URL and the store's credentials in the environment (read, write, delete)"
    )
    try:
        same = asyncio.run(_round_trip(settings))
    except (SignroomError, OSError) as error:
        yield _failed("files", f"A file cannot be written, read and deleted ({type(error).__name__}).", fix)
        return
    if same:
        yield CheckResult("files", Severity.OK, "written, read and deleted")
    else:
        yield _failed("files", "What was read is not what was written.", fix)


async def _round_trip(settings: Settings) -> bool:
    """Raises: StorageUnavailable, BlobNotFound."""
    blobs = await asyncio.to_thread(open_installed_blobs, settings)
    key, content = doctor_probe(uuid4()), os.urandom(1024)

    async def chunks() -> AsyncIterator[bytes]:
        yield content

    try:
        await blobs.write_stream(key, chunks(), limit=len(content))
        return b"".join([chunk async for chunk in blobs.read_stream(key, None)]) == content
    finally:
        await asyncio.to_thread(blobs.delete, key)


def _every_file(settings: Settings) -> Found:
    """One line for each document with a damaged file."""
    if not _is_there(settings):
        return  # said above
    damaged = 0
    try:
        with installed_store(settings) as store:
            for file in all_damaged_files(store, open_installed_blobs(settings), datetime.now(UTC)):
                damaged += 1
                owner = f"document {file.document_id}"
                if file.session_id is not None:
                    owner += f" in session {file.session_id}"
                yield _failed("stored files", f"{file.key} of {owner} is {file.damage}.", _RESTORE)
    except SignroomError as error:
        fix = "mend what the lines above say, then start again"
        yield _failed("stored files", f"They cannot all be read ({type(error).__name__}).", fix)
        return
    if not damaged:
        yield CheckResult("stored files", Severity.OK, "every stored file is what was stored")


# -- as browsers see it ------------------------------------------------------------------------

_OBSTACLES = {
    Obstacle.UNKNOWN_NAME: "make a DNS entry for it that this machine can see too, or correct SIGNROOM_PUBLIC_URL",
    Obstacle.REFUSED: "start `signroom serve`, and the proxy in front of it; if browsers do reach it, this machine "
    "cannot reach its own public address (hairpin NAT): give it an inner DNS entry or a line in /etc/hosts",
    Obstacle.TLS: "install a certificate for that name, with its whole chain, and trust its authority here "
    "(SSL_CERT_FILE)",
    Obstacle.SILENT: "open the firewall; if browsers do reach it, this machine cannot reach its own public address "
    "(hairpin NAT): give it an inner DNS entry or a line in /etc/hosts",
    Obstacle.NO_HTTP: "correct scheme and port of SIGNROOM_PUBLIC_URL (https for http, or the reverse)",
}


def _public(settings: Settings) -> Found:
    address = f"{settings.public_url}{LIVE}"
    found = probe_address(address)
    if isinstance(found, Obstacle):
        yield _failed("public URL", f"{settings.public_url}: {found.value}", _OBSTACLES[found])
        return
    if found.status != 200 or b'"live"' not in found.body:
        yield _failed("public URL", f"{address} answers {found.status}, and not as Signroom does.", _status_fix(found))
        return
    yield CheckResult("public URL", Severity.OK, f"{settings.public_url} answers")
    if found.date is not None:
        apart = (found.date - datetime.now(UTC)).total_seconds()
        yield _clock("the public address's clock and this machine's", apart, _PUBLIC_SECONDS_APART)
    yield from _proxy(settings)


def _status_fix(found: Probed) -> str:
    if 300 <= found.status < 400:
        return "set SIGNROOM_PUBLIC_URL to the address that it redirects to"
    if found.status in {502, 503, 504}:
        return "the proxy does not reach `signroom serve`: start it, and check the proxy's upstream address"
    return "something else is served there: correct SIGNROOM_PUBLIC_URL, or let the proxy pass every path on"


def _proxy(settings: Settings) -> Found:
    keys = installed_keys(settings)
    if keys is None:
        return  # said above
    token = self_check_token(tokens_of(keys), system_clock())
    found = probe_address(f"{settings.public_url}{ECHO}", {"Authorization": f"Bearer {token}"})
    seen = _decoded(found)
    if seen is None:
        refused = isinstance(found, Probed) and found.status == 422
        yield _failed(
            "proxy headers",
            "The server that answers there does not know our secret key."
            if refused
            else "The server that answers there cannot say how it was reached.",
            "set SIGNROOM_SECRET_KEY to the same on every machine"
            if refused
            else "run the same version there, and let the proxy pass /health and the Authorization header on",
        )
        return
    yield _headers(settings, seen)


def _decoded(found: Probed | Obstacle) -> dict[str, object] | None:
    if isinstance(found, Obstacle) or found.status != 200:
        return None
    try:
        seen = json.loads(found.body)
    except ValueError:
        return None
    return seen if isinstance(seen, dict) and {"address", "scheme", "forwarding"} <= seen.keys() else None


def _headers(settings: Settings, seen: dict[str, object]) -> CheckResult:
    wanted = urlsplit(settings.public_url).scheme
    as_seen = f"requests arrive as {seen['scheme']} from {seen['address']}"
    if seen["scheme"] == wanted and not seen["forwarding"] and wanted == "http":
        return CheckResult("proxy headers", Severity.OK, f"{as_seen}; no proxy in between")
    if not seen["forwarding"]:
        return CheckResult(
            "proxy headers",
            Severity.WARN,
            f"{as_seen}: the proxy does not say for whom it asks; all signers share one rate limit.",
            "let the proxy send X-Forwarded-For and X-Forwarded-Proto",
        )
    if seen["scheme"] != wanted:
        return _failed(
            "proxy headers",
            f"{as_seen}, though browsers use {wanted}: what the proxy says is not believed.",
            f"set SIGNROOM_TRUSTED_PROXIES to the proxy's address ({seen['address']}), and let it send "
            "X-Forwarded-Proto",
        )
    if not settings.trusted_proxies:
        return _failed(
            "proxy headers",
            f"{as_seen}: what the proxy says is not believed; all signers share one rate limit.",
            f"set SIGNROOM_TRUSTED_PROXIES to the proxy's address ({seen['address']})",
        )
    return CheckResult("proxy headers", Severity.OK, as_seen)


def _failed(check: str, what: str, fix: str) -> CheckResult:
    return CheckResult(check, Severity.FAIL, what, fix)
