"""In which header a key may come: in none that becomes a part of the event."""

import pytest

from gateway.domain.errors import Invalid
from gateway.service.sources import Sources
from tests.unit.service.configuring import INSTANCE, configured


@pytest.mark.parametrize(
    "name",
    [
        "ce-token",
        "CE-Type",
        "Idempotency-Key",
        "Webhook-Id",
        "webhook-signature",
        "X-Hub-Signature-256",
        "User-Agent",
        "Content-Length",
    ],
)
async def test_a_header_that_means_something_else_is_refused(name):
    registry, _, configurator = await configured()
    with pytest.raises(Invalid) as refused:
        await Sources(configurator, None, None).update(INSTANCE, "s", {"key_header": name})
    assert [problem.pointer for problem in refused.value.problems] == ["/key_header"]
    assert registry.entities["s"].key_header == ""


async def test_a_header_of_the_senders_own_is_taken():
    registry, _, configurator = await configured()
    await Sources(configurator, None, None).update(INSTANCE, "s", {"key_header": "X-Webhook-Token"})
    assert registry.entities["s"].key_header == "X-Webhook-Token"
