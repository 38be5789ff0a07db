"""Loading modules beside the loop: it goes on, once is enough, and what is missing is told every time."""

from __future__ import annotations

import asyncio
import sys
import time

import pytest

from gateway.spi.loading import load

SLOW = "import time\ntime.sleep(0.3)\nLOADED = True\n"


@pytest.fixture
def slow(tmp_path, monkeypatch):
    """A module of its own that takes a while."""
    name = f"slow_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(SLOW)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield name
    sys.modules.pop(name, None)


async def test_the_loop_goes_on_while_a_module_is_loaded(slow):
    loading = [asyncio.ensure_future(load(slow)) for _ in range(3)]
    longest, last = 0.0, time.monotonic()
    while not all(one.done() for one in loading):
        await asyncio.sleep(0.005)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    await asyncio.gather(*loading)
    assert sys.modules[slow].LOADED
    assert longest < 0.25


async def test_a_module_that_is_missing_is_missing_until_it_is_there(slow, monkeypatch):
    for _ in range(2):
        with pytest.raises(ImportError):
            await load("no_such_module_anywhere")
    await load(slow)
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, slow, None)
        with pytest.raises(ImportError):
            await load(slow)
    await load(slow)
