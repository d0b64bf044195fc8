"""``signroom demo``: the product in one process, with an example application and certificates to try it with."""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import socket
import sys
import webbrowser
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType

from signroom.cli.configuration import DEMO_DEFAULTS, DEMO_KEY_FILE, DEMO_URL
from signroom.cli.logs import configure_logs
from signroom.cli.running import DemoFolder, keep_address
from signroom.cli.serve import listen, run_applications
from signroom.domain.application import Role
from signroom.domain.demo import DemoFailure
from signroom.ports import ManagementPorts
from signroom.service.access.operators import this_operator
from signroom.service.subscriptions.manage_applications import ensure_application
from signroom.service.subscriptions.manage_keys import CreateKey, create_key
from signroom.settings import Settings, SettingsError, read_settings
from signroom.wiring import build_service, build_web, demo_ca, prepare_data

_SUBSCRIPTION = "Demo"
_APPLICATION, _MANAGER = "Example application", "Demo manager"
_MANAGER_KEY_FILE = "demo-manager-key"
_SIGNER = "Test signer"
_CHOOSE_PORT = '`--port 8655`; with make: `make demo ARGS="--port 8655"`'
_EXAMPLES = (Path(__file__).parents[1] / "examples", Path(__file__).parents[3] / "examples")
"""Where the wheel and a checkout keep the example."""


@dataclass(frozen=True, slots=True)
class Demo:
    """What a person or a script needs to try the service; printed as it is by ``--json``."""

    url: str
    appUrl: str  # noqa: N815  (spelled as printed)
    apiKey: str  # noqa: N815
    pfx: str
    pfxPassword: str  # noqa: N815
    caCertificate: str  # noqa: N815
    managerKey: str  # noqa: N815
    """For settings, keys and webhooks. The example application does not have it."""
    subscription: str
    """The name of the subscription that both keys belong to."""
    testCertificates: str  # noqa: N815
    """The folder with a certificate file of each kind. All have the password of the test signer."""


def run_demo(
    *, data: Path | None, port: int, browser: bool, as_json: bool, fail: frozenset[DemoFailure] = frozenset()
) -> int:
    """Serve until a signal. `fail` is switched off at the beginning. Raises: SettingsError."""
    configure_logs(30 if sys.stderr.isatty() else 20)
    settings = _settings(data, DEMO_URL)
    prepare_data(settings)
    # Before the port: the same folder on another port would be a second service in it.
    folder = DemoFolder(settings.data)
    listener, app_listener = _listen_twice(port)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    app_url = f"http://127.0.0.1:{app_listener.getsockname()[1]}"
    settings = _settings(data, url)
    folder.tell(settings.public_url)
    keep_address(settings.data, settings.public_url)
    service = build_service(settings)
    demo = _prepare(settings, service.ports, url, app_url)
    if service.ports.demo is not None:
        service.ports.demo.fail(fail)
    switches = _load_example("demo_switches").create_handlers(url, demo.apiKey)
    example = _load_example("demo_app").create_app(
        signroom_url=url, api_key=demo.apiKey, own_url=app_url, more=switches
    )

    def record_event() -> None:
        print(json.dumps(asdict(demo)) if as_json else _welcome(demo), flush=True)
        if browser:
            webbrowser.open(app_url)

    applications = [(build_web(settings, service, quiet_files=True), listener), (example, app_listener)]
    run_applications(
        applications,
        settings,
        on_ready=record_event,
        on_stop=service.stopping.set,
        on_refusal=service.count_refused_connection,
    )
    return 0


def _listen_twice(port: int) -> tuple[socket.socket, socket.socket]:
    """The service's socket and the example application's: the next port, or any free one when that is taken.

    Somebody who has chosen the port expects the next one, and is told.
    """
    first = listen("127.0.0.1", port, _CHOOSE_PORT)
    following = first.getsockname()[1] + 1
    try:
        return first, listen("127.0.0.1", following)
    except (SettingsError, OverflowError):
        second = listen("127.0.0.1", 0)
    if port:
        taken = f"Port {following} is taken: the example application is on port {second.getsockname()[1]}."
        print(f"signroom: {taken}", file=sys.stderr, flush=True)
    return first, second


def _settings(data: Path | None, url: str) -> Settings:
    environment = dict(os.environ)
    if data is not None:
        environment["SIGNROOM_DATA"] = str(data)
    environment["SIGNROOM_PUBLIC_URL"] = environment.get("SIGNROOM_PUBLIC_URL") or url
    settings = read_settings(environment, Path.cwd(), defaults=DEMO_DEFAULTS)
    if settings.production:
        raise SettingsError("The demo refuses to run with SIGNROOM_ENVIRONMENT=production: use `signroom serve`.")
    return settings


def _prepare(settings: Settings, ports: ManagementPorts, url: str, app_url: str) -> Demo:
    """Make what is missing in the data folder; a second start finds and prints the same."""
    prepare_data(settings)
    pfx, pfx_password = settings.data / "test-signer.pfx", settings.data / "test-signer.password"
    authority = demo_ca(settings)
    if not (pfx.exists() and pfx_password.exists()):
        password = secrets.token_urlsafe(9)
        _write_private(pfx_password, password.encode())
        _write_private(pfx, authority.issue_pfx(_SIGNER, password, ports.clock.now()))
    certificates = settings.data / "test-certificates"
    certificates.mkdir(mode=0o700, exist_ok=True)
    for name in authority.test_names:
        file = certificates / f"{name}.pfx"
        if not file.exists():
            _write_private(file, authority.issue_test_pfx(name, pfx_password.read_text(), ports.clock.now()))
    operator = this_operator()

    def key(file: Path, owner: str, role: Role) -> str:
        # A key of an earlier version stays as it is, whatever application it belongs to.
        if not file.exists():
            application = ensure_application(ports, operator, _SUBSCRIPTION, owner)
            caller = operator.acting_for(application.subscription_id)
            _write_private(file, create_key(ports, caller, application.id, CreateKey(role=role)).text.encode())
        return file.read_text()

    return Demo(
        url=settings.public_url or url,
        appUrl=app_url,
        apiKey=key(settings.data / DEMO_KEY_FILE, _APPLICATION, Role.WORKER),
        pfx=str(pfx),
        pfxPassword=pfx_password.read_text(),
        caCertificate=str(settings.data / "demo-ca.crt"),
        managerKey=key(settings.data / _MANAGER_KEY_FILE, _MANAGER, Role.MANAGER),
        subscription=_SUBSCRIPTION,
        testCertificates=str(certificates),
    )


def _write_private(file: Path, content: bytes) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as target:
        target.write(content)


def _load_example(name: str) -> ModuleType:
    """The example is an application like any integrator's: files of their own, which import nothing of ours."""
    file = next((folder / f"{name}.py" for folder in _EXAMPLES if (folder / f"{name}.py").is_file()), None)
    if file is None:
        raise SettingsError(f"The example application (examples/{name}.py) is missing: reinstall signroom.")
    spec = importlib.util.spec_from_file_location(f"signroom_{name}", file)
    if spec is None or spec.loader is None:
        raise SettingsError(f"{file} cannot be loaded: reinstall signroom.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its annotations are looked up by module name
    spec.loader.exec_module(module)
    return module


def _welcome(demo: Demo) -> str:
    return f"""
  Signroom is running. Nothing that you sign here has legal value.

  Try it         {demo.appUrl}          (an application that asks for your signature)
  Manual         {demo.url}/docs/
  API            {demo.url}/docs/api    key: {demo.apiKey}
  Settings       key of a manager: {demo.managerKey}
                 subscription: {demo.subscription}
  Test signer    {demo.pfx}
                 password: {demo.pfxPassword}
  More of them   {demo.testCertificates}
                 ICP-Brasil, qualified, own CA, expired, revoked ...; the same password
  Demo CA        {demo.caCertificate}

  All of this stays as it is, also when the demo starts again. In {Path(demo.caCertificate).parent}:
  {DEMO_KEY_FILE} and {_MANAGER_KEY_FILE} have the keys, test-signer.password the password.

  Open a session yourself:

    curl -s {demo.url}/api/signature-sessions -H 'X-Api-Key: {demo.apiKey}' \\
      -H 'Content-Type: application/json' -d '{{"returnUrl": "{demo.appUrl}/callback"}}'

  Stop with Ctrl-C.
"""
