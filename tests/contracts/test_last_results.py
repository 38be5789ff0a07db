"""The last result of each destination, on every store."""

from __future__ import annotations

from gateway.domain.delivery import LastResult
from gateway.domain.destination import Destination
from gateway.ports import Put, Remove

INSTANCE = "i"


def result(destination: str, at: float, reason: str = "", *, ok: float | None = None) -> LastResult:
    return LastResult(
        destination, INSTANCE, at, f"delivery-{at:g}", reason, "502" if reason else "204", "", ok
    )


async def test_the_newest_result_of_each_destination_is_kept(store):
    ledger = store.ledger
    await ledger.note_results([result("a", 10.0, ok=10.0), result("b", 11.0, "tls")])
    await ledger.note_results([result("a", 20.0, "timeout"), result("b", 5.0, ok=5.0)])
    kept = await ledger.last_results(INSTANCE)
    assert kept == {
        "a": result("a", 20.0, "timeout", ok=10.0),
        "b": result("b", 11.0, "tls", ok=5.0),
    }
    assert await ledger.last_results("other") == {}


async def test_what_never_succeeded_says_so(store):
    await store.ledger.note_results([result("a", 10.0, "tls")])
    await store.ledger.note_results([result("a", 12.0, "tls")])
    assert (await store.ledger.last_results(INSTANCE))["a"].succeeded_at is None


async def test_a_removed_destination_takes_its_result_along(store):
    destination = Destination("a", INSTANCE, "hook", "webhook", 0.0, 0.0)
    version = await store.registry.apply([Put(destination)], expected=0)
    await store.ledger.note_results([result("a", 10.0), result("b", 10.0)])
    await store.registry.apply([Remove(destination)], expected=version)
    assert set(await store.ledger.last_results(INSTANCE)) == {"b"}
