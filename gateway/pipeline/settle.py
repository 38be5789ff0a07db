"""Dispatch, last station: what an outcome means for its delivery, by the policy of the destination."""

from __future__ import annotations

from typing import NamedTuple

from gateway.domain.delivery import AS_EVENT, Attempt, Claim, Settlement, State
from gateway.domain.destination import Destination
from gateway.domain.incident import Part, Thread
from gateway.domain.policy import THROTTLED_FLOOR, RetryPolicy
from gateway.pipeline.route import TRIAL_TOPIC
from gateway.pipeline.send import Outcome
from gateway.pipeline.throttle import Verdict
from gateway.spi.cloudevents.encode import structured
from gateway.spi.outcome import MAX_SENT, DeliveryFailed, Reason, Receipt

EXHAUSTED = "retries_exhausted"
TARGET_DELETED = "target_deleted"
DEFAULT_POLICY = RetryPolicy()

_ABOUT_MESSAGES = frozenset({Reason.REJECTED, Reason.RENDER_FAILED, Reason.UNSUPPORTED})


class Tried(NamedTuple):
    """What the dispatcher has to know of a try: how the destination is, whether the receiver asked for a
    pause (seconds), and when the delivery is due again (epoch seconds) if it is."""

    verdict: Verdict = Verdict.NEUTRAL
    pause: float | None = None
    due_at: float | None = None


def decide(
    claim: Claim, destination: Destination, outcome: Outcome, *, now: float, chance: float
) -> Settlement:
    """The settlement of one try; `chance` in [0, 1) spreads the retry."""
    if outcome.failure is not None:
        return _failed(claim, destination, outcome, outcome.failure, now, chance)
    receipt = outcome.receipt
    assert receipt is not None  # noqa: S101  an outcome has one of the two
    attempt = Attempt(
        claim.attempts + 1, outcome.started_at, outcome.duration, "", str(receipt.code), receipt.detail
    )
    return Settlement(
        claim.delivery_id,
        claim.epoch,
        State.DELIVERED,
        "",
        0.0,
        attempt,
        _kept(claim, receipt.sent),
        thread=_thread(claim, receipt, now),
    )


def give_back(claim: Claim, *, due_at: float, reason: str) -> Settlement:
    """Back to the store untried; counts as no attempt."""
    return Settlement(claim.delivery_id, claim.epoch, State.PENDING, reason, due_at)


def cancel(claim: Claim) -> Settlement:
    """The subscription or the destination is gone: nobody wants it any more."""
    return Settlement(claim.delivery_id, claim.epoch, State.CANCELLED, TARGET_DELETED)


def _thread(claim: Claim, receipt: Receipt, now: float) -> Thread | None:
    """What later messages of an incident to this receiver stand below. Nothing comes after a recovery."""
    if claim.chapter is None or claim.chapter.part is Part.RECOVERY or claim.topic_id == TRIAL_TOPIC:
        return None
    return Thread(
        claim.chapter.incident.id,
        claim.subscription_id,
        claim.recipient,
        claim.delivery_id,
        receipt.vendor_id,
        now,
    )


def _kept(claim: Claim, sent: bytes) -> bytes:
    """What is kept of what was sent; a forwarded event is not kept a second time."""
    if sent and sent == structured(claim.accepted.event):
        return AS_EVENT
    return sent[:MAX_SENT]


def verdict(outcome: Outcome) -> Verdict:
    """What an outcome says about the destination as a whole."""
    failure = outcome.failure
    if failure is None:
        return Verdict.GOOD
    about_message = failure.reason in _ABOUT_MESSAGES or failure.recipient_only
    return Verdict.NEUTRAL if about_message else Verdict.BAD


def _failed(
    claim: Claim,
    destination: Destination,
    outcome: Outcome,
    failure: DeliveryFailed,
    now: float,
    chance: float,
) -> Settlement:
    attempt = Attempt(
        claim.attempts + 1,
        outcome.started_at,
        outcome.duration,
        failure.reason.value,
        "" if failure.status is None else str(failure.status),
        failure.detail,
        failure.excerpt,
    )
    wait = _wait(claim, destination, failure, chance)
    if wait is None:
        final = failure.final or claim.topic_id == TRIAL_TOPIC
        reason = failure.reason.value if final else EXHAUSTED
        return Settlement(
            claim.delivery_id, claim.epoch, State.DEAD, reason, 0.0, attempt, _kept(claim, failure.sent)
        )
    return Settlement(
        claim.delivery_id,
        claim.epoch,
        State.PENDING,
        failure.reason.value,
        now + wait,
        attempt,
        _kept(claim, failure.sent),
    )


def _wait(claim: Claim, destination: Destination, failure: DeliveryFailed, chance: float) -> float | None:
    """Seconds until the next try, or None when there is none."""
    if failure.final or claim.topic_id == TRIAL_TOPIC:
        return None
    policy = RetryPolicy(destination.retry_schedule) if destination.retry_schedule else DEFAULT_POLICY
    floor = failure.retry_after or (THROTTLED_FLOOR if failure.reason is Reason.THROTTLED else 0.0)
    return policy.delay(claim.attempts + 1, chance, floor=floor)
