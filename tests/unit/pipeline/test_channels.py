"""What an adapter's own faults come to: a failure of its destination, and of nothing else."""

from __future__ import annotations

import pytest

from adapters.destinations.webhook import Webhook
from gateway.domain.destination import Destination
from gateway.pipeline import channels as subject
from gateway.pipeline.channels import Channels
from gateway.pipeline.send import send
from gateway.spi.outcome import Reason
from tests.fakes.clock import FakeClock
from tests.fakes.messages import make_message

DESTINATION = Destination(
    "dest", "inst-1", "hook", "broken", 0.0, 1.0, config={"url": "https://hook.example"}
)


class Unmakeable(Webhook):
    """Cannot be made, whatever its settings are."""

    def __init__(self, config, tools):
        raise KeyError("region")


class Paceless(Webhook):
    """Cannot tell its pace."""

    def __init__(self, config, tools):
        pass

    @property
    def pace(self):
        raise ZeroDivisionError


@pytest.fixture
def channels(request, monkeypatch):
    monkeypatch.setattr(subject, "destinations", lambda: {"broken": request.param})
    return Channels(None, None)


@pytest.mark.parametrize("channels", [Unmakeable], indirect=True)
async def test_an_adapter_that_cannot_be_made_is_an_attempt_that_failed(channels):
    outcome = await send(channels, DESTINATION, None, make_message(), FakeClock())
    assert outcome.failure.reason is Reason.UNEXPECTED
    assert "KeyError" in outcome.failure.detail
    assert "region" not in outcome.failure.detail, "an adapter's own text may hold a secret"


@pytest.mark.parametrize("channels", [Unmakeable, Paceless], indirect=True)
def test_an_adapter_that_cannot_tell_its_pace_stops_nobody(channels):
    assert channels.pace(DESTINATION) is None
