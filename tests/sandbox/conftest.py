"""Files for the pool are written as for the formats that it runs."""

from __future__ import annotations

from tests.formats.conftest import written

__all__ = ["written"]
