"""What `pip install signroom` brings: the whole package, with its pictures, pages, migrations and example."""

from __future__ import annotations

from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

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


def test_the_wheel_has_the_example_of_the_demo() -> None:
    assert {"signroom/examples/demo_app.py", "signroom/examples/demo_switches.py"} <= included(ROOT)
