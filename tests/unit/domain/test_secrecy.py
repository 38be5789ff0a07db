"""What looks like a secret in an event."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.secrecy import MAX_TOLD, looks_secret, secret_looking
from gateway.domain.view import MISSING

json_values = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "name",
    ["password", "dbPassword", "DB_PASSWORD", "api_key", "apiKey", "API-Key", "access_token", "Authorization",
     "token", "clientSecret", "privateKey", "credentials"],
)  # fmt: skip
def test_a_name_that_tells_is_found_however_it_is_spelled(name):
    assert looks_secret(name)


@pytest.mark.parametrize(
    "name", ["", "key", "tokens_used", "secretary", "resource", "groupKey", "author", "passed", "primary_key"]
)
def test_other_names_are_not(name):
    assert not looks_secret(name)


def test_the_places_are_told_and_the_values_are_not():
    payload = {
        "a": [{"password": "hunter2"}],
        "x/y": {"api_key": "k"},
        "token": "",
        "secret": "*****",
        "pwd": 7,
    }
    assert sorted(secret_looking(payload)) == ["/a/*/password", "/x~1y/api_key"]
    assert secret_looking(MISSING) == secret_looking("password") == ()


@given(json_values)
def test_any_payload_is_looked_at(payload):
    assert all(isinstance(one, str) for one in secret_looking(payload))


def test_much_is_told_in_part():
    assert secret_looking([{"password": "x"}] * 1000) == ("/*/password",)
    assert len(secret_looking({f"password{n}": "x" for n in range(1000)})) == MAX_TOLD
    assert len(json.dumps(secret_looking({f"{'n' * 5000}_password{n}": "x" for n in range(100)}))) < 10_000
