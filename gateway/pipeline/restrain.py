"""Dispatch, between throttle and render: what a policy says of a delivery that is about to go out.

Quiet hours are asked again here, for what waited or failed until they began; the rate limit is asked here
only, because what counts is the moment of sending. What may not go now is held, not tried.
"""

from __future__ import annotations

from gateway.domain.delivery import Claim, Settlement, State
from gateway.domain.severity import Severity
from gateway.pipeline.noise import QUIET_HOURS, RATE_LIMITED, Noise
from gateway.pipeline.rate import RateGate


async def held_back(claim: Claim, noise: Noise, gate: RateGate, now: float) -> Settlement | None:
    """How a delivery that has to wait is settled; None for one that may go, now. Raises Refused."""
    severity = claim.accepted.vocabulary.severity or Severity.INFO
    if (until := noise.quiet(severity, now)) is not None:
        return _hold(claim, noise, QUIET_HOURS, until, severity)
    limit = noise.in_force.rate_limit
    if limit is not None and (until := await gate.enter(_stream(noise, claim), limit, severity)):
        return _hold(claim, noise, RATE_LIMITED, until, severity)
    return None


def _stream(noise: Noise, claim: Claim) -> str:
    return noise.stream(RATE_LIMITED, claim.recipient)


def _hold(claim: Claim, noise: Noise, reason: str, until: float, severity: Severity) -> Settlement:
    hold = noise.hold(reason, claim.recipient, until, severity)
    return Settlement(claim.delivery_id, claim.epoch, State.HELD, reason, until, hold=hold)
