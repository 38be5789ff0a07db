"""How many keys an owner may have."""

import pytest

from gateway.domain.errors import Conflict
from gateway.domain.source import Role, Source
from gateway.service.keys import MAX_KEYS, Keys, keys_of
from tests.unit.service.configuring import INSTANCE, configured


async def test_each_owner_has_its_own_number_of_keys():
    other = Source("other", "i", "other", 1.0, 1.0)
    _, current, configurator = await configured(other)
    keys = Keys(configurator)
    for role, source in ((Role.SOURCE, "s"), (Role.SOURCE, "other"), (Role.ADMIN, None)):
        for number in range(MAX_KEYS):
            await keys.issue(INSTANCE, role, str(number), source)
        with pytest.raises(Conflict, match="live keys"):
            await keys.issue(INSTANCE, role, "one more", source)
    assert len(keys_of(current.snapshot, INSTANCE)) == 3 * MAX_KEYS
    assert len(keys_of(current.snapshot, INSTANCE, "s")) == MAX_KEYS
