"""A running gateway process, for tests that see the API as strangers do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.harness import GatewayProcess


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """One process for the tests of a module."""
    process = GatewayProcess(tmp_path_factory.mktemp("gateway"))
    asyncio.run(process.start())
    yield process
    process.close()
