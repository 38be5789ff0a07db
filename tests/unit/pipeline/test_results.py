"""What is remembered of the last try at each destination, and what it says of its health."""

from dataclasses import replace

import pytest
from structlog.testing import CapturingLogger

from gateway.domain.delivery import Claim
from gateway.domain.destination import Destination
from gateway.domain.errors import Unavailable
from gateway.pipeline.results import Health, LastResults, health
from gateway.pipeline.send import Outcome
from gateway.spi.outcome import DeliveryFailed, Reason, Receipt
from tests.fakes.clock import FakeClock
from tests.fakes.messages import make_message

ACCEPTED = make_message().accepted
DESTINATION = Destination("dest", "inst-1", "hook", "webhook", 0.0, 0.0)


class Written:
    """A ledger that takes results, unless it is told not to."""

    def __init__(self) -> None:
        self.results = []
        self.busy = False

    async def note_results(self, results) -> None:
        if self.busy:
            raise Unavailable("busy", "not now")
        self.results += results


@pytest.fixture
def ledger():
    return Written()


@pytest.fixture
def results(ledger):
    return LastResults(ledger, FakeClock())


def claim(number: int = 1, destination: str = "dest") -> Claim:
    return Claim(f"d-{number}", 1, ACCEPTED, "t", "s", destination)


def arrived(at: float = 100.0) -> Outcome:
    return Outcome(at, 0.5, Receipt(204))


def failed(reason: Reason, at: float = 100.0, **more) -> Outcome:
    return Outcome(at, 0.5, None, DeliveryFailed(reason, "why", **more))


async def test_only_the_last_try_of_each_destination_is_written(results, ledger):
    other = replace(DESTINATION, id="other")
    results.note(claim(1), DESTINATION, arrived(100.0))
    results.note(claim(2), DESTINATION, failed(Reason.UNAVAILABLE, 200.0, status=502))
    results.note(claim(3, "other"), other, arrived(300.0))
    await results.write()
    assert [(row.destination_id, row.delivery_id, row.reason, row.code) for row in ledger.results] == [
        ("dest", "d-2", "unavailable", "502"),
        ("other", "d-3", "", "204"),
    ]
    assert [(row.at, row.succeeded_at) for row in ledger.results] == [(200.5, 100.5), (300.5, 300.5)]
    await results.write()
    assert len(ledger.results) == 2, "nothing new, nothing written"


async def test_what_the_store_cannot_take_is_written_later_unless_something_newer_came(results, ledger):
    ledger.busy = True
    results.note(claim(1), DESTINATION, arrived(100.0))
    await results.write()
    results.note(claim(2), DESTINATION, failed(Reason.TLS, 200.0))
    await results.write()
    ledger.busy = False
    await results.write()
    assert [(row.delivery_id, row.reason) for row in ledger.results] == [("d-2", "tls")]


async def test_a_success_that_could_not_be_written_is_not_forgotten_for_a_failure_meanwhile(results, ledger):
    class Slow:
        """Refuses after another try has ended."""

        async def note_results(self, rows):
            results.note(claim(2), DESTINATION, failed(Reason.TLS, 200.0))
            raise Unavailable("busy", "not now")

    results.note(claim(1), DESTINATION, arrived(100.0))
    results._ledger = Slow()
    await results.write()
    results._ledger = ledger
    await results.write()
    assert [(row.delivery_id, row.succeeded_at) for row in ledger.results] == [("d-2", 100.5)]


async def test_a_message_that_is_refused_says_nothing_of_its_destination(results, ledger):
    results.note(claim(), DESTINATION, failed(Reason.REJECTED))
    results.note(claim(), DESTINATION, failed(Reason.UNAVAILABLE, recipient_only=True))
    await results.write()
    assert ledger.results == []


@pytest.mark.parametrize("reason", [reason for reason in Reason if not reason.permanent])
async def test_a_destination_is_flagged_where_somebody_has_to_look_at_its_settings(results, ledger, reason):
    results.note(claim(), DESTINATION, failed(reason))
    await results.write()
    flagged = reason in (Reason.UNAUTHORIZED, Reason.TLS, Reason.BLOCKED_ADDRESS, Reason.MISCONFIGURED)
    assert health(DESTINATION, ledger.results[0]) is (Health.FLAGGED if flagged else Health.FAILING)


async def test_health_before_any_try_after_a_success_and_when_disabled(results, ledger):
    assert health(DESTINATION, None) is Health.UNTRIED
    results.note(claim(), DESTINATION, arrived())
    await results.write()
    assert health(DESTINATION, ledger.results[0]) is Health.OK
    assert health(replace(DESTINATION, enabled=False), ledger.results[0]) is Health.DISABLED


async def test_a_change_is_logged_once(results, monkeypatch):
    said = CapturingLogger()
    monkeypatch.setattr("gateway.pipeline.results.log", said)
    for outcome in (arrived(), failed(Reason.TLS), failed(Reason.TLS), arrived(), arrived()):
        results.note(claim(), DESTINATION, outcome)
    assert [call.args for call in said.calls] == [("destination.failing",), ("destination.recovered",)]


async def test_a_destination_that_is_gone_is_forgotten(results, ledger):
    results.note(claim(), DESTINATION, failed(Reason.TLS))
    results.forget({})
    await results.write()
    assert ledger.results == [] and results._reasons == {}
