"""One process of ``signroom serve`` with three tenants, as it comes: limits and workers are the defaults."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from signroom.domain.application import Role
from signroom.service.access.operators import this_operator
from signroom.service.subscriptions.manage_applications import ensure_application
from signroom.service.subscriptions.manage_keys import CreateKey, create_key
from signroom.settings import read_settings
from signroom.wiring import managing
from tests.fetch.sites import Exchange, running_site
from tests.harness.machines import Machine, installation
from tests.soak.load.names import HONEST, running_names
from tests.vectors import hard_pdfs

WORKERS = 2


@dataclass(frozen=True)
class Service:
    """Keys are of three tenants; `reader` is a key of the hostile one that may only read."""

    machine: Machine
    honest: tuple[str, str]
    hostile: str
    reader: str
    file_url: str | None
    """Where a PDF can be fetched by a name; None where no name server could be started."""

    @property
    def memory(self) -> int:
        """The most memory that the process ever had, in MB."""
        status = Path(f"/proc/{self.machine.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) >> 10


@contextmanager
def running_service(folder: Path, database_url: str) -> Iterator[Service]:
    """The service, ready; killed at the end."""
    with ExitStack() as stack:
        names = stack.enter_context(running_names(folder))
        site = stack.enter_context(running_site("127.0.0.1"))
        settings = {"SIGNROOM_WORKERS": str(WORKERS)}
        made = stack.enter_context(installation(folder, database_url, f"file://{folder}/files", **settings))
        keys = _keys(folder, {"SIGNROOM_DATA": str(folder / "operator"), **made.shared})
        made.prefix = names.prefix if names else ()
        machine = made.start("serve")
        pdf = hard_pdfs.make("plain")

        def send(exchange: Exchange) -> None:
            exchange.answer(pdf)

        site.paths["/contract.pdf"] = send
        url = f"http://{HONEST}:{site.port}/contract.pdf" if names else None
        yield Service(machine, (keys[0], keys[1]), keys[2], keys[3], url)


def _keys(folder: Path, settings: dict[str, str]) -> list[str]:
    """A key of each tenant, and the reader's."""
    wanted = [("First", Role.WORKER), ("Second", Role.WORKER), ("Hostile", Role.WORKER), ("Hostile", Role.MONITOR)]
    operator = this_operator()
    keys = []
    with managing(read_settings(settings, folder)) as ports:
        for name, role in wanted:
            application = ensure_application(ports, operator, name, name)
            caller = operator.acting_for(application.subscription_id)
            keys.append(create_key(ports, caller, application.id, CreateKey(role=role)).text)
    return keys
