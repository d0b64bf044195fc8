"""What `pip install signroom` brings: the whole package, with its pictures, pages, migrations and example."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hatchling.builders.wheel import WheelBuilder

from scripts.require_manual import WITHOUT, RequireManual
from tests.harness.server import ROOT


def included(root: Path) -> set[str]:
    """Paths inside the wheel, without building it."""
    builder = WheelBuilder(str(root))
    found = {str(file.distribution_path) for file in builder.recurse_included_files()}
    return found | set(builder.config.force_include.values())


@pytest.mark.parametrize(("root", "package"), [(ROOT, "signroom"), (ROOT / "client", "signroom_client")])
def test_the_wheel_has_every_file_of_the_package(root: Path, package: str) -> None:
    source = root / "src"
    there = {
        str(file.relative_to(source))
        for file in (source / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }

    wheel = included(root)

    assert wheel & there == there
    assert f"{package}/py.typed" in there


def test_a_wheel_without_the_manual_is_built_on_purpose_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before, a wheel that was built without `make docs` had no manual, and nobody was told."""
    monkeypatch.delenv(WITHOUT, raising=False)

    def build(target: str = "wheel", version: str = "standard") -> None:
        config: Any = None
        RequireManual(str(tmp_path), {}, config, config, "", target).initialize(version, {})

    with pytest.raises(SystemExit, match="make docs"):
        build()
    build(version="editable")
    build("sdist")
    monkeypatch.setenv(WITHOUT, "1")
    build()
    monkeypatch.delenv(WITHOUT)
    site = tmp_path / "src" / "signroom" / "manual" / "site"
    site.mkdir(parents=True)
    (site / "index.html").touch()
    build()


def test_the_wheel_has_the_example_of_the_demo() -> None:
    assert {"signroom/examples/demo_app.py", "signroom/examples/demo_switches.py"} <= included(ROOT)
