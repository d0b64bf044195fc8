"""`deploy/` cannot be built here; what can go wrong without anybody noticing is looked at."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from signroom.settings import NAMES, PREFIX, read_settings
from tests.habits.repository import ROOT
from tests.harness.tools import not_run

DEPLOY = ROOT / "deploy"
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file() and path.name != ".env")
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COMMANDS = {"serve", "worker", "migrate"}
INSTRUCTIONS = frozenset(
    {"FROM", "ENV", "WORKDIR", "RUN", "COPY", "USER", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
)


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_every_setting_that_is_used_exists(file: Path) -> None:
    used = set(re.findall(rf"\b{PREFIX}([A-Z_]+)\b", file.read_text("utf-8")))

    assert used <= set(NAMES)


# -- the image -------------------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    """Instruction and arguments, continued lines joined."""
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def test_the_image_has_two_stages_of_a_tag_and_is_not_run_by_root() -> None:
    found = instructions()
    stages = [number for number, (name, _) in enumerate(found) if name == "FROM"]
    last = found[stages[-1] :]

    assert {name for name, _ in found} <= INSTRUCTIONS
    assert len(stages) == 2
    assert all(re.match(r"[\w./-]+:(?!latest)[\w.-]+(@sha256:\w{64})?( AS \w+)?$", found[n][1]) for n in stages)
    (user,) = [rest for name, rest in last if name == "USER"]
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)  # by number: an orchestrator can see that it is not root
    built = " ".join(rest for name, rest in last if name == "RUN")
    assert not re.search(r"\b(pip|apt|apt-get|gcc|uv)\b", built)


def test_what_the_image_copies_is_there_and_is_let_through() -> None:
    through = {
        line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")
    }
    copied = [rest.split()[:-1] for name, rest in instructions() if name == "COPY" and "--from" not in rest]
    sources = {source for part in copied for source in part}

    assert sources == through
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_the_image_starts_without_a_shell_and_says_how_it_is() -> None:
    found = {name: rest for name, rest in instructions() if name in {"ENTRYPOINT", "CMD", "HEALTHCHECK"}}
    check = found["HEALTHCHECK"].partition("CMD ")[2]

    assert json.loads(found["ENTRYPOINT"]) == ["signroom"]
    assert set(json.loads(found["CMD"])) <= COMMANDS
    program, option, code = json.loads(check)
    assert (program, option) == ("python", "-c")
    assert "/health/live" in code
    compile(code, "HEALTHCHECK", "exec")


def test_only_locked_packages_come_into_the_image() -> None:
    installs = [rest for name, rest in instructions() if name == "RUN" and '"install"' in rest]

    assert all("--require-hashes" in rest or "--no-index" in rest for rest in installs)
    assert len(installs) == 3


# -- compose ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    return found


def test_what_the_services_name_is_declared(compose: dict[str, Any]) -> None:
    services = compose["services"]
    named = {volume.partition(":")[0] for s in services.values() for volume in s.get("volumes", []) if ":" in volume}
    others = {other for s in services.values() for other in s.get("depends_on", {})}

    folders = {name for name in named if name.startswith("./")}
    assert folders == {"./trust"}
    assert named - folders == set(compose["volumes"])
    assert others <= set(services)
    conditions = {c["condition"] for s in services.values() for c in s.get("depends_on", {}).values()}
    assert conditions <= {"service_healthy", "service_completed_successfully"}
    # A service that others wait for must say when it is healthy.
    assert "healthcheck" in services["postgres"]
    assert {next(iter(s["command"])) for s in services.values() if "command" in s} == COMMANDS


def test_no_service_of_ours_may_more_than_it_needs(compose: dict[str, Any]) -> None:
    ours = [s for s in compose["services"].values() if s["image"].startswith("signroom:")]

    assert len(ours) == 3
    for service in ours:
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not service.get("privileged", False)
        # To the proxy on this host, not to the world.
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert all(":" in s["image"] and not s["image"].endswith(":latest") for s in compose["services"].values())


def test_no_secret_is_written_down(compose: dict[str, Any]) -> None:
    example = (DEPLOY / "example.env").read_text("utf-8")
    given = dict(re.findall(r"^#? ?([A-Z_]+)=(.*)$", example, flags=re.MULTILINE))
    variables = set(re.findall(r"\$\{([A-Z_]+)", (DEPLOY / "compose.yaml").read_text("utf-8")))

    assert {name for name in given if re.search(r"KEY|PASSWORD|SECRET|TOKEN", name) and given[name]} == set()
    assert variables <= set(given)
    assert subprocess.run(["git", "check-ignore", "-q", "deploy/.env"], cwd=ROOT, check=False).returncode == 0


def test_the_settings_of_compose_start_the_service(compose: dict[str, Any], tmp_path: Path) -> None:
    values = {
        "SIGNROOM_PUBLIC_URL": "https://sign.example",
        "SIGNROOM_SECRET_KEY": "s" * 48,
        "POSTGRES_PASSWORD": "p" * 48,
    }

    def filled(text: str) -> str:
        return re.sub(r"\$\{([A-Z_]+)(?::-([^}]*)|:\?[^}]*)\}", lambda m: values.get(m[1]) or m[2] or "", text)

    environment = {name: filled(value) for name, value in compose["services"]["web"]["environment"].items()}
    settings = read_settings(environment, tmp_path)

    assert settings.production
    # It means something, and its roots come from the operator: any issuer would let anybody be anybody.
    assert not settings.security_context.any_issuer
    assert f"./trust:{settings.trust_folder}:ro" in compose["services"]["web"]["volumes"]
    assert settings.blob_url == "file:///files"
    assert settings.database_url.startswith("postgresql+psycopg://signroom:ppp")


# -- systemd ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_understands_the_units(unit: Path, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        not_run("systemd-analyze is not installed: apt-get install systemd")
    copy = tmp_path / unit.name.replace("@", "@8411")
    shutil.copy(unit, copy)

    verified = subprocess.run(
        [analyze, "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False
    ).stderr
    # Nothing is installed on this machine.
    complaints = [line for line in verified.splitlines() if copy.name in line and "is not executable" not in line]
    # 0 is safe, 100 is not: 40 asks for most of what systemd can take away.
    rated = subprocess.run(
        [analyze, "security", "--offline=true", "--threshold=40", str(copy)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert complaints == []
    assert rated.returncode == 0, rated.stdout


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_the_units_wait_for_what_is_under_way(unit: Path) -> None:
    lines = dict(re.findall(r"^(\w+)=(.*)$", unit.read_text("utf-8"), flags=re.MULTILINE))

    # Ten seconds for requests, ten for jobs.
    assert int(lines["TimeoutStopSec"]) > 20
    assert (lines["KillSignal"], lines["KillMode"]) == ("SIGTERM", "mixed")
    command = lines["ExecStart"].split()
    assert command[command.index("/opt/signroom/bin/signroom") + 1] in COMMANDS


# -- the proxy -------------------------------------------------------------------------------------


def test_the_proxy_hands_on_what_the_service_needs() -> None:
    text = re.sub(r"#.*", "", (DEPLOY / "proxy" / "nginx.conf").read_text("utf-8"))

    assert text.count("{") == text.count("}")
    assert all(line.strip().endswith((";", "{", "}")) for line in text.splitlines() if line.strip())
    for directive in (
        "proxy_set_header X-Forwarded-For $remote_addr;",
        "proxy_set_header X-Forwarded-Proto $scheme;",
        "proxy_buffering off;",
        "proxy_request_buffering off;",
        "access_log off;",
    ):
        assert directive in text
    (size,) = re.findall(r"client_max_body_size (\d+)m;", text)
    # The service's own limit of a JSON body with the default SIGNROOM_MAX_FILE: it is the one that should answer 413.
    assert int(size) << 20 >= (100 << 20) * 4 // 3 + (1 << 20)
