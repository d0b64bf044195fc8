"""What a test says of the two databases."""

from __future__ import annotations

import pytest

database_does_not_matter = pytest.mark.parametrize("server", ["sqlite"], indirect=True, scope="session")
"""For a test that asks for `server`, itself or through its fixtures, where what it asserts is decided before any row is
written: the same refusal on PostgreSQL would prove nothing more. Other tests read and write what it uses on both.
"""
