"""Builds every object once, in order, readable from top to bottom: the only file that knows every driver by name."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from importlib.metadata import version
from ipaddress import ip_network
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from litestar import Litestar
from litestar.di import Provide
from litestar.types import ASGIApp, ControllerRouterHandler
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from signroom.api.description import WireSchemas
from signroom.api.resources import demo as demo_resources
from signroom.api.routes import api_routes, largest_body, openapi_config
from signroom.api.shapes.wire import TYPE_DECODERS
from signroom.api.translation.webhook_bodies import WebhookBodies
from signroom.blobs.cache import BytesCache
from signroom.blobs.objects import ObjectBlobs, open_blobs
from signroom.domain.certificate import Certificate
from signroom.domain.errors import (
    BackupNoRoom,
    BackupPlaceRefused,
    BadInput,
    DatabaseUnavailable,
    KeepingRefused,
    OtherUser,
    SecretUnreadable,
    SecurityContextNotConfigured,
)
from signroom.domain.event import RecordedEvent
from signroom.domain.key_source import KeySource, KeySources, WebPki
from signroom.domain.places import Lines, Shares, Waits
from signroom.domain.security_context import BUILT_IN, EU, ICP_BRASIL, ITALY_TEST, TEST, SecurityContext, TrustedRoot
from signroom.domain.signature import CertificateChain
from signroom.domain.signature_policy import SignaturePolicy, read_policies, require_new
from signroom.domain.timestamp import TimestampProvider
from signroom.domain.timestamp_provider import LAST_PRIORITY
from signroom.domain.validation import TrustVerdict
from signroom.domain.webhook import DeliverySchedule
from signroom.fetch.guarded import GuardedFetch
from signroom.fetch.probe import probe
from signroom.http import health, metrics
from signroom.http.application import Lifespan, create_application
from signroom.http.echo import echo
from signroom.http.health import HealthCheck, Readiness
from signroom.http.metrics import Metrics
from signroom.jobs.dead_letters import state as jobs_state
from signroom.jobs.durable import DELIVERY_PLACES, DurableJobs, migrate_job_tables
from signroom.keys.demo_ca import DemoCa, open_demo_ca
from signroom.manual.routes import manual_routes
from signroom.page.routes import page_routes
from signroom.patterns.linear import Re2Patterns
from signroom.ports import Limits, ManagementPorts, Policies, Ports
from signroom.ports.certificates import Trust
from signroom.ports.files import NamePatterns, Pictures
from signroom.ports.jobs import JobsState
from signroom.ports.keeping import KeepingPorts
from signroom.ports.operations import AuthorityReach, Clock, DatabaseDiagnosis, Obstacle, Probed, ProviderReach
from signroom.ports.outside import KeptAnswers
from signroom.ports.secrets import Secrets, Tokens
from signroom.ports.store import Store
from signroom.ports.timestamps import TimestampAuthorities
from signroom.sandbox.pool import PooledFormats
from signroom.secrets.installed import close_to_others, keep_secret, read_or_make_secret
from signroom.secrets.result_tokens import Es256ResultTokens
from signroom.secrets.sealed_secrets import AesGcmSecrets
from signroom.secrets.secret_keys import SecretKeys, key_id
from signroom.secrets.tokens import SignedTokens
from signroom.settings import MIN_SECRET, PREFIX, Settings, SettingsError
from signroom.store.backlog import backlog, connections
from signroom.store.changes import EventChanges
from signroom.store.diagnosis import diagnose
from signroom.store.engine import answers, are_the_same, keep_to_one_file, open_engine
from signroom.store.keeping.database import SqlDatabase
from signroom.store.keeping.inventory import open_inventory
from signroom.store.outages import damage_as_ours
from signroom.store.revocation.kept import SqlAnswerStore
from signroom.store.schema import migrate
from signroom.store.sql import SqlStore
from signroom.store.sqlite_file import close_database_file
from signroom.telemetry.answers_measured import answers_measured
from signroom.telemetry.jobs_measured import jobs_measured
from signroom.telemetry.meters import Meters, Spans
from signroom.timestamps.authorities import RemoteAuthorities, require_usable
from signroom.timestamps.configured import read_providers
from signroom.timestamps.stored import StoredProviders
from signroom.trust import certificates
from signroom.trust.anchor_folder import AnchorFolder, BrokenTrustFile, changing_certificates
from signroom.trust.asking.answers import Ages, Answers
from signroom.trust.contexts import CertificateTrust, open_trust
from signroom.trust.european.keeper import TrustedLists, Wanted
from signroom.trust.european.list_folder import ListFolder, LoadedLists, Tried
from signroom.trust.european.signed_lists import SignedList
from signroom.trust.pinned.approved_policies import PolicyFile, PolicyList, read_policy_file, read_policy_list
from signroom.trust.pinned.icp_brasil_roots import keep_roots
from signroom.trust.pinned.read_again import ReadAgain
from signroom.trust.reach import reach
from signroom.trust.revocation import RevocationSources
from signroom.worker.observed import observed
from signroom.worker.steps import jobs as jobs_of
from signroom.worker.steps import schedules as schedules_of

_PAGE_TOKEN_LIFETIME = timedelta(minutes=30)
DOWNLOAD_LIFETIME = timedelta(hours=4)
"""No other signed token is valid for longer."""
_STOP_SECONDS = 10
_KEY_FILE = "secret.key"
_SECOND_KEY_FILE = "second-secret.key"
_PREVIEWS = 64 << 20
"""Bytes of pictures of pages: some 500 of them."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def system_clock() -> Clock:
    return SystemClock()


def prepare_data(settings: Settings) -> None:
    """The data folder, for its owner alone."""
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)


def migrate_database(settings: Settings) -> None:
    """Our tables and the job engine's. Safe at any time, from several processes at once."""
    prepare_data(settings)
    engine = open_engine(settings.database_url)
    migrate(engine)
    migrate_job_tables(engine)
    engine.dispose()


def _limits(settings: Settings) -> Limits:
    return Limits(
        max_file=settings.max_file,
        session_lifetime=settings.session_lifetime,
        longest_session=settings.longest_session,
        page_token_lifetime=_PAGE_TOKEN_LIFETIME,
        download_lifetime=DOWNLOAD_LIFETIME,
        events_kept=settings.events_kept,
        audit_kept=settings.audit_kept,
        api_key_lifetime=settings.api_key_lifetime,
        webhook_waits=DeliverySchedule(settings.webhook_schedule),
        webhook_timeout=settings.webhook_timeout,
        files_compared_within=settings.files_compared_within,
        archives_renewed_before=settings.archives_renewed_before,
    )


class _CommandPorts:
    """The `ManagementPorts` of a command. A part is opened when it is first asked for.

    So a command starts fast, and one that seals nothing makes no secret key. `closing` closes what was opened.
    """

    def __init__(self, settings: Settings, closing: ExitStack) -> None:
        self._settings, self._closing = settings, closing
        self.name_patterns: NamePatterns = Re2Patterns()
        self.clock: Clock = SystemClock()
        self.limits = _limits(settings)

    @cached_property
    def store(self) -> Store:
        engine = open_engine(self._settings.database_url)
        self._closing.callback(engine.dispose)
        migrate(engine)
        return SqlStore(engine)

    @cached_property
    def secrets(self) -> Secrets:
        prepare_data(self._settings)
        return AesGcmSecrets(_secret_keys(self._settings))

    @cached_property
    def tokens(self) -> Tokens:
        prepare_data(self._settings)
        return SignedTokens(_secret_keys(self._settings))

    @cached_property
    def trust(self) -> Trust:
        """It reads and judges by what is here: nothing is fetched by a command."""
        return open_trust(self._settings.trust_folder, None)

    @cached_property
    def timestamps(self) -> TimestampAuthorities:
        return _timestamp_authorities(self._settings, self.store, self.secrets)

    @cached_property
    def pictures(self) -> Pictures:
        formats = PooledFormats(workers=1)
        self._closing.callback(formats.close)
        return formats


@contextmanager
def managing(settings: Settings) -> Iterator[ManagementPorts]:
    """For commands that only read or write rows: no service is built and no job engine is started."""
    with ExitStack() as closing:
        yield _CommandPorts(settings, closing)


@dataclass(frozen=True, slots=True)
class Service:
    """A running service's parts."""

    ports: Ports
    engine: Engine
    direct: Engine
    """Past the pooler. The same as `engine` where there is none."""
    meters: Meters
    changes: EventChanges
    jobs: DurableJobs
    formats: PooledFormats
    answers: Answers
    timestamps: RemoteAuthorities
    lists: TrustedLists
    execute_jobs: bool
    stopping: threading.Event
    """Set at the first sign of the end, long before `stop`: requests that wait give up then."""

    def start(self) -> None:
        """Start the job engine and warm the workers up."""
        ports = self.ports
        jobs = {name: replace(job, run=observed(ports.meter, name, job.run)) for name, job in jobs_of(ports).items()}
        self.formats.warm_up()
        self.lists.start()
        self.jobs.start(jobs, schedules=schedules_of(ports), execute=self.execute_jobs)

    def count_refused_connection(self, reason: str) -> None:
        """Count a connection that was refused, or ended, before the application saw a request."""
        self.meters.count("refused_connection", reason)

    def stop(self) -> None:
        """Let jobs end or hand them over to the next start."""
        self.stopping.set()
        self.changes.close()
        self.jobs.stop(timeout=_STOP_SECONDS)
        self.timestamps.close()
        self.lists.close()
        self.formats.close()
        self.answers.close()
        for engine in {self.engine, self.direct}:
            engine.dispose()
        self.meters.close()


def _trust(
    settings: Settings,
    fetch: GuardedFetch,
    roots: Mapping[SecurityContext, Sequence[bytes]],
    answers: Answers,
    lists: TrustedLists,
) -> CertificateTrust:
    """Raises: SettingsError, which says where the operator's roots belong, when the default context has none."""
    context = settings.security_context
    if context == EU:
        lists.load()
    try:
        trust = open_trust(
            settings.trust_folder,
            fetch,
            extra=roots,
            answers=answers,
            issuer_hosts=settings.issuer_hosts,
            lists=lists,
        )
        trust.require_configured(context)
    except BrokenTrustFile as error:
        raise SettingsError(f"{error} It lies in the folder of trusted roots, SIGNROOM_TRUST_FOLDER.") from error
    except SecurityContextNotConfigured as error:
        if context == EU:
            raise SettingsError(
                "The security context eu (SIGNROOM_DEFAULT_SECURITY_CONTEXT) has no trusted lists yet. Run "
                "`signroom trust refresh`, or `signroom trust import` where there is no internet, and start again."
            ) from error
        raise SettingsError(
            f"The security context {context.name} (SIGNROOM_DEFAULT_SECURITY_CONTEXT) has no trusted roots. Put the "
            f"certificates of its root authorities, PEM or DER, into {settings.trust_folder / context.name} as *.crt "
            "files, and start again. docs/operate/trust.md says where to get them."
        ) from error
    return trust


def open_trusted_lists(settings: Settings, fetch: GuardedFetch | None = None) -> TrustedLists:
    """Those that this machine keeps. With `fetch`, the ones that the operator wants can be fetched.

    Raises: SettingsError.
    """
    try:
        signers = changing_certificates(settings.trust_folder / EU.name / "lotl-signers")
    except BrokenTrustFile as error:
        raise SettingsError(f"{error} It lies in the folder of trusted roots, SIGNROOM_TRUST_FOLDER.") from error
    wanted = None if settings.eu_trust_lists is None else Wanted(settings.eu_trust_lists)
    return TrustedLists(ListFolder(settings.data / "trusted-lists", signers), fetch, wanted)


def fetching_trusted_lists(settings: Settings) -> TrustedLists:
    """The lists, and a way to fetch them, for a command. Raises: SettingsError."""
    agent = f"signroom/{version('signroom')}"
    return open_trusted_lists(settings, GuardedFetch(settings.allowed_addresses, agent=agent))


def examine_lists(settings: Settings) -> tuple[LoadedLists, Tried]:
    """The trusted lists as they lie here, each verified, and when they were last asked for. Raises: SettingsError."""
    lists = open_trusted_lists(settings)
    return lists.load(), lists.tried()


def import_list(settings: Settings, content: bytes) -> SignedList:
    """Keep a trusted list that came as a file. Raises: BadTrustedList, SettingsError."""
    return open_trusted_lists(settings).accept(content)


def trusted_roots(settings: Settings) -> Iterator[TrustedRoot]:
    """The roots of every built-in context, as the service would have them. Raises: SettingsError."""
    try:
        # The demo's root is made with the data folder, and to look at roots makes neither.
        demo = not settings.production and settings.data.exists()
        folder = AnchorFolder(settings.trust_folder, _demo_roots(settings) if demo else {})
    except BrokenTrustFile as error:
        raise SettingsError(f"{error} It lies in the folder of trusted roots, SIGNROOM_TRUST_FOLDER.") from error
    for context in BUILT_IN:
        for link in folder.anchors(context).roots:
            yield TrustedRoot(context.name, link.certificate)
    lists = open_trusted_lists(settings)
    lists.load()
    for root in () if (services := lists.services()) is None else services.roots:
        yield TrustedRoot(EU.name, root.link.certificate, root.territory, root.use, root.counts_at(datetime.now(UTC)))


def keep_icp_brasil_roots(settings: Settings, content: bytes, fingerprints: Sequence[str]) -> tuple[Certificate, ...]:
    """Write the roots of a file that ITI publishes into the trust folder. Raises: BadCertificate, BadInput."""
    return keep_roots(content, settings.trust_folder / ICP_BRASIL.name, fingerprints)


def own_policies(settings: Settings) -> Sequence[SignaturePolicy]:
    """The signature policies that the operator has imported. Raises: SettingsError."""
    return _changing_policies(settings)()


def _changing_policies(settings: Settings) -> Policies:
    """Those that lie there when they are asked for. Raises: SettingsError for what lies there now."""
    file = settings.trust_folder / _POLICIES
    try:
        return ReadAgain(file, lambda: read_policies(file.read_bytes()) if file.is_file() else ())
    except (BadInput, OSError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from error


def keep_policies(settings: Settings, content: bytes) -> Sequence[SignaturePolicy]:
    """Put these signature policies in the place of those that were imported before. Raises: BadInput."""
    found, file = read_policies(content), settings.trust_folder / _POLICIES
    require_new(found)
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{uuid4().hex}.part")
    try:
        part.write_bytes(content)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return found


def approved_policies(
    settings: Settings, content: bytes, signature: bytes, signers: Collection[str] = ()
) -> PolicyList:
    """The list of policies that ICP-Brasil has approved, verified by the roots that lie here, as of now.

    Nothing is kept. Where nobody says whether its signer's certificate was revoked, it counts.

    Raises: BadPolicyList, SettingsError.
    """
    fetch, now = GuardedFetch(settings.allowed_addresses, agent=f"signroom/{version('signroom')}"), datetime.now(UTC)
    trust = _trust_as_it_is(settings, fetch)

    def judge(chain: CertificateChain) -> TrustVerdict:
        return trust.judge(chain, ICP_BRASIL, now, revocation_may_be_unknown=True)

    return read_policy_list(content, signature, judge, now, signers)


def published_policy(content: bytes) -> PolicyFile:
    """A signature policy as it is published, in DER. Raises: BadPolicyList."""
    return read_policy_file(content)


_POLICIES = "signature-policies.toml"
_DEMO_CA = "demo-ca.crt"


def _demo_roots(settings: Settings) -> Mapping[SecurityContext, Sequence[bytes]]:
    """In the sandbox the test contexts trust the demo CA; in production nothing is trusted that nobody put there."""
    certificates = demo_ca(settings).certificates
    return {TEST: certificates, ITALY_TEST: certificates}


def _timestamp_authorities(settings: Settings, store: Store, secrets: Secrets) -> RemoteAuthorities:
    """Those of the operator's file, else the demo's own while the service is tried out; with those of the database.

    Raises: SettingsError.
    """
    file, agent = settings.timestamp_providers, f"signroom/{version('signroom')}"
    configured: Sequence[TimestampProvider] | Callable[[], Sequence[TimestampProvider]] = ()
    try:
        if file is not None:
            configured = ReadAgain(file, lambda: configured_providers(settings), every=0.0)
        elif not settings.production:
            tsa = f"{settings.public_url}{demo_resources.TSA_PATH}"
            configured = (TimestampProvider("demo", tsa, TEST, priority=LAST_PRIORITY),)
        return RemoteAuthorities(configured, stored=StoredProviders(store, secrets), agent=agent)
    except (ValueError, OSError) as error:
        raise SettingsError(f"SIGNROOM_TIMESTAMP_PROVIDERS: {error}") from error


def configured_providers(settings: Settings) -> Sequence[TimestampProvider]:
    """Those that the file of the settings names now; none without a file.

    Raises: BrokenProviders, OSError, ValueError for a client certificate that cannot be used.
    """
    file = settings.timestamp_providers
    return () if file is None else require_usable(read_providers(file, settings.security_context))


@dataclass(frozen=True, slots=True)
class AskingProviders:
    """What `doctor` asks the timestamp providers with."""

    timestamps: TimestampAuthorities
    trust: Trust
    clock: Clock
    providers: Sequence[TimestampProvider]
    """Those of the file and those of the database."""
    unusable: Sequence[ProviderReach]
    """Those that cannot be asked: what is kept of them here is wrong."""


@contextmanager
def asking_providers(settings: Settings) -> Iterator[AskingProviders]:
    """To ask the providers as they are now. Nothing is made, migrated or counted.

    Those of the database are left out where there is none, or it does not answer or is of another version.

    Raises: BrokenProviders, OSError, ValueError for a file that cannot be used; SettingsError for roots or lists.
    """
    usable, unusable = list(configured_providers(settings)), list[ProviderReach]()
    for one in _stored_providers(settings):
        if isinstance(one, ProviderReach):
            unusable.append(one)
            continue
        try:
            usable += require_usable([one])
        except ValueError as error:
            unusable.append(ProviderReach(one.name, one.tier, one.context.name, str(error)))
    authorities = RemoteAuthorities(agent=f"signroom/{version('signroom')}")
    try:
        yield AskingProviders(authorities, _trust_as_it_is(settings), SystemClock(), usable, unusable)
    finally:
        with suppress(TimeoutError):  # a connection that does not end; all have answered, and the process ends
            authorities.close()


def _stored_providers(settings: Settings) -> Iterator[TimestampProvider | ProviderReach]:
    """Those of the database; of one whose secret does not open what is wrong."""
    file, keys = settings.database_url.removeprefix("sqlite:///"), installed_keys(settings)
    if keys is None or (file != settings.database_url and not Path(file).is_file()):
        return  # to look would make it
    try:
        with installed_store(settings) as store:
            providers = StoredProviders(store, secrets_of(keys))
            with store.ask() as work:
                stored = work.timestamp_providers.all()
    except DatabaseUnavailable:
        return  # the lines of the database say why
    for one in stored:
        try:
            yield providers.opened(one)
        except SecretUnreadable:
            yield ProviderReach(one.name, one.tier, one.context_name, "Its secret cannot be opened.")


def _trust_as_it_is(settings: Settings, fetch: GuardedFetch | None = None) -> Trust:
    """The contexts by what lies here: nothing is made; without `fetch` nothing is fetched. Raises: SettingsError."""
    lists = open_trusted_lists(settings)
    lists.load()
    demo = not settings.production and (settings.data / _DEMO_CA).is_file()
    try:
        return open_trust(settings.trust_folder, fetch, extra=_demo_roots(settings) if demo else None, lists=lists)
    except BrokenTrustFile as error:
        raise SettingsError(f"{error} It lies in the folder of trusted roots, SIGNROOM_TRUST_FOLDER.") from error


def build_service(settings: Settings, *, execute_jobs: bool = True) -> Service:
    """Everything but the web: database migrated, nothing started yet.

    Raises: SettingsError when the pooler leads elsewhere.
    """
    prepare_data(settings)
    close_to_others(settings.data)
    keep_to_one_file(settings.database_url)
    direct = open_engine(settings.database_url)
    close_database_file(direct)
    migrate(direct)
    engine = direct
    if settings.pooler_url is not None:
        migrate_job_tables(direct)
        engine = open_engine(settings.pooler_url, pooled=True)
        if not are_the_same(direct, engine):
            engine.dispose()
            direct.dispose()
            raise SettingsError(_OTHER_DATABASE)
    # More than there are workers: while these are busy, the files of other documents are read and stored.
    jobs = DurableJobs(engine, settings.data, concurrency=2 + 2 * settings.workers, direct=direct)
    meters = Meters(version("signroom"), _spans(settings))
    formats = PooledFormats(settings.workers, meters.timed, lambda kind: meters.count("sandbox_refused", kind))
    clock, keys = SystemClock(), _secret_keys(settings)
    demo = None if settings.production else demo_ca(settings)
    fetch = GuardedFetch(settings.allowed_addresses, timed=meters.timed, agent=f"signroom/{version('signroom')}")
    # In the sandbox the test contexts trust the demo CA; in production nothing is trusted that nobody put there.
    roots = {} if demo is None else {TEST: demo.certificates, ITALY_TEST: demo.certificates}
    blobs = open_blobs(settings.blob_url, settings.data / "scratch", timeout=settings.blob_timeout, count=meters.count)
    answer_store = SqlAnswerStore(engine, blobs)
    ages = Ages(response=settings.revocation_max_age, list=settings.revocation_list_max_age)
    answers_from_outside = Answers(fetch, answer_store, ages, now=clock.now, count=meters.count)
    lists = open_trusted_lists(settings, fetch)
    trust = _trust(settings, fetch, roots, answers_from_outside, lists)
    stopping = threading.Event()
    changes = EventChanges(engine, stopping)

    def tell(facts: Sequence[RecordedEvent]) -> None:
        """What was committed: to those who wait for it here, and to the counters."""
        changes.tell(facts)
        for fact in facts:
            meters.count("event", fact.type)

    store, secrets = SqlStore(engine, jobs.enqueue, tell), AesGcmSecrets(keys)
    authorities = _timestamp_authorities(settings, store, secrets)
    ports = Ports(
        store=store,
        jobs=jobs,
        changes=changes,
        blobs=blobs,
        lines=Lines(),
        waits=Waits(),
        delivery_shares=Shares(DELIVERY_PLACES),
        formats=formats,
        trust=trust,
        fetch=fetch,
        answers=answer_store,
        timestamps=authorities,
        pictures=formats,
        name_patterns=Re2Patterns(),
        secrets=secrets,
        previews=BytesCache(_PREVIEWS),
        default_context=settings.security_context,
        demo=demo,
        key_sources=_key_sources(settings),
        tokens=SignedTokens(keys),
        result_tokens=Es256ResultTokens(keys),
        event_bodies=WebhookBodies(),
        clock=clock,
        limits=_limits(settings),
        meter=meters,
        policies=_changing_policies(settings),
        public_url=settings.public_url,
    )
    meters.watch(
        {
            "database": lambda: backlog(engine, clock.now()),
            "jobs": lambda: jobs_measured(jobs.state(), clock.now()),
            "answers": lambda: answers_measured(answer_store.summary(clock.now()), clock.now()),
        },
        own=lambda: [*formats.tasks(), *connections(engine)],
    )
    return Service(
        ports,
        engine,
        direct,
        meters,
        changes,
        jobs,
        formats,
        answers_from_outside,
        authorities,
        lists,
        execute_jobs,
        stopping,
    )


@contextmanager
def using(settings: Settings) -> Iterator[Ports]:
    """For commands that work on files or ask others: all ports, with one worker, and no job is started."""
    service = build_service(replace(settings, workers=1), execute_jobs=False)
    try:
        yield service.ports
    finally:
        service.stop()


@contextmanager
def operating(settings: Settings) -> Iterator[Ports]:
    """For commands that look at jobs or start them: all ports, and nothing is executed here."""
    service = build_service(settings, execute_jobs=False)
    try:
        service.jobs.start(jobs_of(service.ports), execute=False)
        yield service.ports
    finally:
        service.stop()


def build_web(settings: Settings, service: Service, *, quiet_files: bool = False) -> ASGIApp:
    """The HTTP application; it starts and stops `service` with itself. `quiet_files` as `RequestLog` has it."""

    ports = service.ports
    return create_application(
        [*api_routes(ports), *manual_routes(), *page_routes(ports), *_WATCHED, echo],
        {
            **_watch_dependencies(settings, service),
            "ports": Provide(lambda: ports, sync_to_thread=False),
        },
        openapi_config(),
        meter=ports.meter,
        max_bodies=settings.max_bodies,
        largest_body=largest_body(ports),
        lifespan=[_lifespan(service)],
        public_url=settings.public_url,
        rate_limits=settings.rate_limits,
        type_decoders=TYPE_DECODERS,
        plugins=[WireSchemas()],
        quiet_files=quiet_files,
    )


def build_watch(settings: Settings, service: Service) -> ASGIApp:
    """What a process without a web answers to who watches it; it starts and stops `service` with itself."""
    return create_application(
        _WATCHED,
        _watch_dependencies(settings, service),
        None,
        meter=service.ports.meter,
        lifespan=[_lifespan(service)],
        rate_limits=settings.rate_limits,
        public_url=settings.public_url,
    )


def _lifespan(service: Service) -> Lifespan:
    @asynccontextmanager
    async def running(_app: Litestar) -> AsyncIterator[None]:
        await asyncio.to_thread(service.start)
        try:
            yield
        finally:
            await asyncio.to_thread(service.stop)

    return running


_WATCHED: Sequence[ControllerRouterHandler] = (health.live, health.ready, metrics.read)


def _watch_dependencies(settings: Settings, service: Service) -> dict[str, Provide]:
    readiness = Readiness(_checks(service), service.stopping)
    # Behind a proxy on this machine everybody seems to come from it.
    proxied = any(ip_network(proxy, strict=False).is_loopback for proxy in settings.trusted_proxies)
    readable = Metrics(service.meters.exposition, settings.metrics_token, loopback=not proxied)
    return {
        "readiness": Provide(lambda: readiness, sync_to_thread=False),
        "metrics": Provide(lambda: readable, sync_to_thread=False),
    }


def _spans(settings: Settings) -> Spans | None:
    """Raises: SettingsError when traces are wanted and the extra is not installed."""
    if not settings.traces:
        return None
    try:
        from signroom.telemetry.traces import Traces
    except ImportError as error:
        raise SettingsError(
            "OTEL_EXPORTER_OTLP_ENDPOINT asks for traces: install signroom[otel], or remove it."
        ) from error
    return Traces(version("signroom"))


def _checks(service: Service) -> dict[str, HealthCheck]:
    """What this process's answers rest on."""
    checks: dict[str, HealthCheck] = {
        "database": lambda: answers(service.engine),
        "blobs": service.ports.blobs.answers,
        "sandbox": lambda: service.formats.standstill() or True,
    }
    if service.execute_jobs:
        checks["jobs"] = lambda: service.jobs.running
    return checks


def pooler_problem(settings: Settings) -> str | None:
    """What is wrong with the pooler, in one sentence. None: nothing, or there is no pooler."""
    if settings.pooler_url is None:
        return None
    direct, pooled = open_engine(settings.database_url), open_engine(settings.pooler_url, pooled=True)
    try:
        return None if are_the_same(direct, pooled) else _OTHER_DATABASE
    except SQLAlchemyError:
        return "The pooler at SIGNROOM_POOLER_URL does not answer, or refuses this user."
    finally:
        pooled.dispose()
        direct.dispose()


_OTHER_DATABASE = f"{PREFIX}POOLER_URL leads to another database than {PREFIX}DATABASE_URL: set both to the same one."


def examine_database(settings: Settings) -> DatabaseDiagnosis:
    """Raises: DatabaseUnavailable."""
    engine = open_engine(settings.database_url)
    try:
        return diagnose(engine)
    finally:
        engine.dispose()


def examine_jobs(settings: Settings) -> JobsState:
    """Raises: DatabaseUnavailable."""
    engine = open_engine(settings.database_url)
    try:
        return jobs_state(engine)
    finally:
        engine.dispose()


def examine_revocation(settings: Settings) -> list[AuthorityReach]:
    """Ask about each intermediate authority of the default context, as a judgement does; nothing is kept.

    Raises: BrokenTrustFile.
    """
    fetch = GuardedFetch(settings.allowed_addresses, agent=f"signroom/{version('signroom')}")
    anchors = AnchorFolder(settings.trust_folder, {}).anchors(settings.security_context)
    return reach(anchors, RevocationSources(Answers(fetch)), datetime.now(UTC))


def examine_answers(settings: Settings) -> KeptAnswers:
    """Raises: DatabaseUnavailable, also where the table is not of this version; StorageUnavailable."""
    engine = open_engine(settings.database_url)
    try:
        return SqlAnswerStore(engine, open_installed_blobs(settings)).summary(datetime.now(UTC))
    except SQLAlchemyError as error:
        raise DatabaseUnavailable from error
    finally:
        engine.dispose()


def open_installed_blobs(settings: Settings) -> ObjectBlobs:
    """Raises: StorageUnavailable."""
    return open_blobs(settings.blob_url, settings.data / "scratch", timeout=settings.blob_timeout)


@contextmanager
def installed_store(settings: Settings) -> Iterator[Store]:
    """The database as it is: nothing is migrated.

    Raises: DatabaseUnavailable, also where what is asked for inside does not fit its tables, or its file is damaged.
    """
    engine = open_engine(settings.database_url)
    try:
        yield SqlStore(engine)
    except SQLAlchemyError as error:
        raise DatabaseUnavailable from error
    finally:
        engine.dispose()


def read_certificate(der: bytes) -> Certificate:
    """Raises: BadCertificate."""
    return certificates.read_certificate(der)


@contextmanager
def keeping(
    settings: Settings, place: str, actor: str, *, existing: bool, installs: bool = True
) -> Iterator[KeepingPorts]:
    """For commands that copy or replace the whole installation. `place` is a folder, or the URL of an object store;
    `existing`: nothing is made there. Without `installs` nothing is made here either: where no data folder is, a
    temporary one serves for as long as the block runs.

    Raises: BackupPlaceRefused, StorageUnavailable, OtherUser, DatabaseDamaged, DatabaseUnavailable, BackupNoRoom when a
    disk of this machine is full in the middle, KeepingRefused for any other failure of its files.
    """
    with _failures_as_ours(), damage_as_ours(), ExitStack() as closing:
        _require_owner(settings.data)
        url = _place_url(settings, place, existing=existing)
        if not installs and not settings.data.is_dir():
            folder = Path(closing.enter_context(TemporaryDirectory(prefix="signroom-")))
            settings = replace(settings, data=folder, blob_url=f"file://{folder / 'files'}")
        prepare_data(settings)
        engine = open_engine(settings.database_url)
        try:
            scratch = settings.data / "scratch"
            yield KeepingPorts(
                database=SqlDatabase(engine, settings.data, migrate_job_tables),
                files=open_installed_blobs(settings),
                place=open_blobs(url, scratch, timeout=settings.blob_timeout, own=False),
                inventory=open_inventory,
                secret_key=_InstalledKey(settings),
                clock=SystemClock(),
                actor=actor,
                version=version("signroom"),
            )
        finally:
            engine.dispose()


@contextmanager
def _failures_as_ours() -> Iterator[None]:
    """What a disk refuses, and SQLite of the files on it, in our words."""
    try:
        yield
    except BrokenPipeError:  # nobody reads what is printed
        raise
    except (OSError, sqlite3.OperationalError) as error:
        if _is_full(error):
            raise BackupNoRoom("Make room for the data folder and the database, then run it again.") from error
        if isinstance(error, OSError):
            where = "" if error.filename is None else f"{error.filename}: "
            raise KeepingRefused(f"{where}{error.strerror or type(error).__name__}.") from error
        raise DatabaseUnavailable(f"SQLite says: {error}.") from error


def _require_owner(data: Path) -> None:
    """What another user, root included, leaves in the data folder the service cannot open. Raises: OtherUser.

    A folder of root may be a volume that the service may write into by its group.
    """
    if data.is_dir() and (owner := data.stat().st_uid) not in {0, os.geteuid()}:
        raise OtherUser(f"{data.absolute()} belongs to the user with the number {owner}: run it as that user.")


def _is_full(error: OSError | sqlite3.OperationalError) -> bool:
    """True when a disk has no room left, or none for this user."""
    if isinstance(error, OSError):
        return error.errno in {errno.ENOSPC, errno.EDQUOT}
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL


class _InstalledKey:
    """The `SecretKey` port."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def fingerprints(self) -> tuple[str, ...]:
        keys = installed_keys(self._settings)
        return () if keys is None else tuple(map(self.fingerprint_of, keys.all))

    def content(self) -> bytes:
        return _secret_keys(self._settings).current

    def fingerprint_of(self, secret: bytes) -> str:
        return key_id(secret).hex()

    def install(self, secret: bytes) -> None:
        keep_secret(self._settings.data / _KEY_FILE, secret)


def _place_url(settings: Settings, place: str, *, existing: bool) -> str:
    """Raises: BackupPlaceRefused for a place that is part of the installation, or that is not there."""
    scheme, separator, rest = place.partition("://")
    if separator and scheme != "file":
        if scheme not in _STORES:
            raise BackupPlaceRefused("Name a folder, or an address like s3://bucket/prefix.")
        if _nested(place.rstrip("/") + "/", settings.blob_url.rstrip("/") + "/"):
            raise BackupPlaceRefused("It is where the service keeps its files: choose another bucket or prefix.")
        return place
    folder = Path(rest if separator else place).absolute().resolve()
    own = [settings.data]
    if settings.blob_url.startswith("file://"):
        own.append(Path(settings.blob_url.removeprefix("file://")))
    for path in own:
        if _nested(f"{folder}/", f"{path.resolve()}/"):
            raise BackupPlaceRefused(f"{folder} and {path.resolve()} lie within each other: choose another disk.")
    if not (folder if existing else folder.parent).is_dir():
        raise BackupPlaceRefused(f"{folder if existing else folder.parent} does not exist: is the disk mounted?")
    return f"file://{folder}"


def _nested(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


_STORES = ("s3", "gs", "az")


def probe_address(url: str, headers: Mapping[str, str] | None = None) -> Probed | Obstacle:
    return probe(url, headers)


def tokens_of(keys: SecretKeys) -> Tokens:
    return SignedTokens(keys)


def secrets_of(keys: SecretKeys) -> Secrets:
    return AesGcmSecrets(keys)


def installed_keys(settings: Settings) -> SecretKeys | None:
    """The secret keys, where there are any; none is made. Raises: SettingsError."""
    file = settings.data / _KEY_FILE
    if settings.secret_key is None and not file.is_file():
        return None
    return _secret_keys(settings)


def demo_ca(settings: Settings) -> DemoCa:
    """The demo authority of this installation."""
    prepare_data(settings)
    return open_demo_ca(settings.data, settings.public_url, _secret_keys(settings))


def _key_sources(settings: Settings) -> KeySources:
    """The configured key sources that this installation can offer."""
    script = settings.web_pki_script
    web_pki = None if script is None else WebPki(script.read_bytes(), settings.web_pki_license)
    missing = set()
    if settings.production:
        missing.add(KeySource.DEMO)
    if web_pki is None:
        missing.add(KeySource.WEB_PKI)
    return KeySources(tuple(kind for kind in settings.key_sources if kind not in missing), web_pki)


def _secret_keys(settings: Settings) -> SecretKeys:
    """The configured keys. A current key that is not configured is made once in the data folder, mode 0600.

    Raises: SettingsError when a key cannot be used.
    """
    current = settings.secret_key or read_or_make_secret(settings.data / _KEY_FILE)
    if len(current) < MIN_SECRET:
        raise SettingsError(
            f"{settings.data / _KEY_FILE} is empty or too short: put the key into it that was in use, or, in a new "
            "installation, remove it."
        )
    second = settings.second_secret_key
    file = settings.data / _SECOND_KEY_FILE
    if second is None and file.is_file():
        second = file.read_bytes().strip()
        if len(second) < MIN_SECRET:
            raise SettingsError(f"{file} is too short: put 32 or more random characters into it, or remove it.")
    if second == current:
        raise SettingsError(f"Both secret keys are the same: remove {PREFIX}SECOND_SECRET_KEY or {file}.")
    return SecretKeys(current, second)
