"""What the outcome of a try means for its delivery."""

import pytest

from gateway.domain.delivery import AS_EVENT, Claim, State
from gateway.domain.destination import Destination
from gateway.pipeline.route import TRIAL_TOPIC
from gateway.pipeline.send import Outcome
from gateway.pipeline.settle import EXHAUSTED, MAX_SENT, decide, verdict
from gateway.pipeline.throttle import Verdict
from gateway.spi.cloudevents.encode import structured
from gateway.spi.outcome import DeliveryFailed, Reason, Receipt
from tests.fakes.messages import make_message

ACCEPTED = make_message(data={"a": 1}).accepted
NOW = 1000.0


def claim(attempts: int = 0, topic: str = "topic") -> Claim:
    return Claim("d", 3, ACCEPTED, topic, "s", "dest", "", attempts)


def destination(*schedule: float) -> Destination:
    return Destination("dest", "i", "n", "webhook", 0.0, 0.0, retry_schedule=schedule)


def settle(outcome: Outcome, made: Claim | None = None, *schedule: float):
    return decide(made or claim(), destination(*schedule), outcome, now=NOW, chance=0.5)


def failed(reason: Reason, **more) -> Outcome:
    return Outcome(NOW, 0.25, None, DeliveryFailed(reason, "why", **more))


def test_a_receipt_delivers():
    settled = settle(Outcome(NOW, 0.25, Receipt(204, "ok", sent=b"body"), None))
    assert (settled.state, settled.epoch, settled.sent) == (State.DELIVERED, 3, b"body")
    assert settled.attempt is not None
    assert (settled.attempt.number, settled.attempt.code, settled.attempt.reason) == (1, "204", "")


@pytest.mark.parametrize("reason", [reason for reason in Reason if not (reason.permanent or reason.disables)])
def test_what_may_pass_is_tried_again_by_the_schedule(reason):
    settled = settle(failed(reason), claim(), 7.0)
    expected = 60.0 if reason is Reason.THROTTLED else 7.0
    assert (settled.state, settled.reason, settled.due_at) == (State.PENDING, reason.value, NOW + expected)


@pytest.mark.parametrize("reason", [Reason.REJECTED, Reason.RENDER_FAILED, Reason.UNSUPPORTED, Reason.GONE])
def test_what_cannot_pass_is_a_dead_letter_at_once(reason):
    settled = settle(failed(reason))
    assert (settled.state, settled.reason) == (State.DEAD, reason.value)


def test_what_an_adapter_calls_final_is_a_dead_letter_although_it_may_pass():
    settled = settle(failed(Reason.AMBIGUOUS, final=True), claim(), 7.0)
    assert (settled.state, settled.reason) == (State.DEAD, "ambiguous")


def test_after_the_last_try_it_is_a_dead_letter():
    settled = settle(failed(Reason.TIMEOUT), claim(2), 1.0, 1.0)
    assert (settled.state, settled.reason) == (State.DEAD, EXHAUSTED)
    assert settled.attempt is not None and settled.attempt.reason == "timeout" and settled.attempt.number == 3


def test_the_receiver_is_not_asked_again_before_it_wants():
    assert settle(failed(Reason.THROTTLED, retry_after=500.0), claim(), 1.0).due_at == NOW + 500.0


def test_a_test_delivery_is_tried_once():
    settled = settle(failed(Reason.UNAVAILABLE), claim(topic=TRIAL_TOPIC))
    assert (settled.state, settled.reason) == (State.DEAD, "unavailable")


def test_a_forwarded_event_is_not_kept_twice_and_anything_else_is_bounded():
    assert settle(Outcome(NOW, 0.1, Receipt(200, sent=structured(ACCEPTED.event)), None)).sent == AS_EVENT
    assert len(settle(Outcome(NOW, 0.1, Receipt(200, sent=b"x" * 99_999), None)).sent) == MAX_SENT


def test_only_what_speaks_against_the_destination_counts_against_its_lane():
    assert verdict(Outcome(NOW, 0.1, Receipt(200), None)) is Verdict.GOOD
    for reason in (Reason.UNAVAILABLE, Reason.UNAUTHORIZED, Reason.TIMEOUT, Reason.THROTTLED):
        assert verdict(failed(reason)) is Verdict.BAD
    for reason in (Reason.REJECTED, Reason.RENDER_FAILED, Reason.UNSUPPORTED):
        assert verdict(failed(reason)) is Verdict.NEUTRAL
    assert verdict(failed(Reason.UNAVAILABLE, recipient_only=True)) is Verdict.NEUTRAL
