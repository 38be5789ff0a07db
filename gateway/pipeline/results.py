"""How the last try at each destination ended, for showing whether it works.

Kept in memory and written a moment later, one row a destination: a busy one costs no more than a quiet one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container
from enum import StrEnum

import structlog

from gateway.domain.clock import Clock
from gateway.domain.delivery import Claim, LastResult
from gateway.domain.destination import Destination
from gateway.domain.errors import Refused
from gateway.domain.ids import DestinationId
from gateway.pipeline.send import Outcome
from gateway.pipeline.settle import verdict
from gateway.pipeline.throttle import Verdict
from gateway.ports import Ledger
from gateway.spi.outcome import Reason

log = structlog.get_logger()

WRITE_EVERY = 1.0
"""Seconds between two writes at least."""


class Health(StrEnum):
    """What is known of a destination: nothing yet, it works, it fails for now, or somebody has to look at
    its settings, or it is switched off."""

    UNTRIED = "untried"
    OK = "ok"
    FAILING = "failing"
    FLAGGED = "flagged"
    DISABLED = "disabled"


def health(destination: Destination, last: LastResult | None) -> Health:
    """How a destination is. A message that was refused, or one recipient's failure, says nothing of it."""
    if not destination.enabled:
        return Health.DISABLED
    if last is None:
        return Health.UNTRIED
    if not last.reason:
        return Health.OK
    return Health.FLAGGED if Reason(last.reason).flags else Health.FAILING


class LastResults:
    """Takes note of every try that says something about its destination, and writes the last of each."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger, self._clock = ledger, clock
        self._reasons: dict[DestinationId, str] = {}
        self._unwritten: dict[DestinationId, LastResult] = {}
        self._noted = asyncio.Event()

    def note(self, claim: Claim, destination: Destination, outcome: Outcome) -> None:
        """One try ended now."""
        if verdict(outcome) is Verdict.NEUTRAL:
            return
        result = _result(claim, outcome)
        self._unwritten[destination.id] = _after(self._unwritten.get(destination.id), result)
        self._noted.set()
        if self._reasons.get(destination.id, "") != result.reason:
            self._reasons[destination.id] = result.reason
            _tell(destination, result)

    def forget(self, known: Container[DestinationId]) -> None:
        """Let go of destinations that are gone."""
        self._reasons = {one: reason for one, reason in self._reasons.items() if one in known}
        self._unwritten = {one: result for one, result in self._unwritten.items() if one in known}

    async def run(self) -> None:
        """Write what was noted, once a second at most, until cancelled."""
        while True:
            await self._noted.wait()
            await self.write()
            await asyncio.sleep(WRITE_EVERY)

    async def write(self) -> None:
        """Write what was noted since the last time; what the store cannot take now is kept for the next."""
        self._noted.clear()
        writing, self._unwritten = self._unwritten, {}
        if not writing:
            return
        try:
            await self._ledger.note_results(list(writing.values()))
        except Exception as error:
            unforeseen = not isinstance(error, Refused)
            log.warning("results.unwritten", error=type(error).__name__, exc_info=unforeseen)
            newer = {one: _after(writing.get(one), result) for one, result in self._unwritten.items()}
            self._unwritten = {**writing, **newer}
            self._noted.set()


def _after(before: LastResult | None, result: LastResult) -> LastResult:
    """A result that takes the place of one that was not written; when it last went well is kept."""
    if before is None or result.succeeded_at is not None:
        return result
    return result._replace(succeeded_at=before.succeeded_at)


def _result(claim: Claim, outcome: Outcome) -> LastResult:
    at = outcome.started_at + outcome.duration
    place = (claim.destination_id, claim.accepted.instance_id, at, claim.delivery_id)
    if outcome.failure is None:
        receipt = outcome.receipt
        return LastResult(*place, "", str(receipt.code) if receipt else "", succeeded_at=at)
    failure = outcome.failure
    code = "" if failure.status is None else str(failure.status)
    return LastResult(*place, failure.reason.value, code, failure.detail)


def _tell(destination: Destination, result: LastResult) -> None:
    """A destination changed for the better or the worse, as far as this node knows."""
    known = {"destination": destination.id, "name": destination.name, "kind": destination.kind}
    if result.reason:
        log.warning("destination.failing", **known, reason=result.reason, detail=result.detail)
    else:
        log.info("destination.recovered", **known)
