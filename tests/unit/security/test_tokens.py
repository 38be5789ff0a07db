"""Access tokens: what stands for a key, and when it no longer does."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest

from gateway.domain.ids import InstanceId, KeyId
from gateway.domain.source import Key, Role
from gateway.security.keys import MAX_TOKEN, OPERATOR, KeyRing, generate, operator_digest
from gateway.security.tokens import LIFETIME, START, AccessTokens
from tests.fakes.clock import FakeClock

OPERATOR_KEY = "an-operators-key-of-enough-characters"
MASTER, OTHER_MASTER = b"m" * 32, b"o" * 32


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def tokens(clock):
    return AccessTokens([MASTER], clock)


@pytest.fixture
def fresh():
    return generate()


@pytest.fixture
def key(fresh):
    return Key(fresh.id, InstanceId("an-instance"), "n", Role.ADMIN, fresh.digest, 1.0, 1.0)


def ring(tokens, *keys, operator=OPERATOR_KEY):
    return KeyRing(keys, operator_digest(operator), tokens)


def part(token: str, number: int) -> dict:
    return json.loads(urlsafe_b64decode(token.split(".")[number] + "=="))


def with_claims(token: str, **claims: object) -> str:
    header, _, signature = token.split(".")
    payload = urlsafe_b64encode(json.dumps(part(token, 1) | claims).encode()).rstrip(b"=").decode()
    return f"{header}.{payload}.{signature}"


def test_a_token_stands_for_the_key_it_was_made_for(tokens, fresh, key):
    keys = ring(tokens, key)
    token = keys.access_token(fresh.text)
    assert keys.identify(token.text) == keys.identify(fresh.text)
    assert keys.identify(token.text).instance_id == "an-instance"


def test_the_operator_has_tokens_too(tokens):
    keys = ring(tokens)
    principal = keys.identify(keys.access_token(OPERATOR_KEY).text)
    assert (principal.role, principal.instance_id) == (Role.OPERATOR, None)


def test_the_claims_are_those_that_ibms_clients_read(tokens, clock, fresh, key):
    token = ring(tokens, key).access_token(fresh.text)
    claims = part(token.text, 1)
    assert (claims["iat"], claims["exp"]) == (int(clock.now()), int(clock.now()) + LIFETIME)
    assert (token.issued_at, token.expires_at) == (claims["iat"], claims["exp"])
    assert claims["id"] == claims["sub"] == fresh.id and isinstance(claims["iss"], str)
    assert claims["account"] == {"bss": "an-instance"}
    assert part(token.text, 0)["alg"] == "HS256"
    assert token.text.startswith(START) and len(token.text) < MAX_TOKEN


def test_a_token_holds_nothing_of_the_key(tokens, fresh, key):
    text = ring(tokens, key).access_token(fresh.text).text
    secret = fresh.text.split("_", 2)[2]
    said = json.dumps([part(text, 0), part(text, 1)])
    assert secret not in said and fresh.digest not in said


def test_a_token_ends_with_its_hour(tokens, clock, fresh, key):
    keys = ring(tokens, key)
    token = keys.access_token(fresh.text).text
    clock.advance(LIFETIME - 1)
    assert keys.identify(token) is not None
    clock.advance(1)
    assert keys.identify(token) is None


def test_a_token_ends_with_its_key(tokens, fresh, key):
    token = ring(tokens, key).access_token(fresh.text).text
    assert ring(tokens).identify(token) is None
    assert ring(tokens, key).identify(token) is not None


def test_a_token_of_the_operator_ends_when_the_operators_key_changes(tokens):
    token = ring(tokens).access_token(OPERATOR_KEY).text
    assert ring(tokens, operator="another-key-of-the-operator").identify(token) is None


def test_a_token_does_not_pass_to_another_secret_under_the_same_id(tokens, fresh, key):
    token = ring(tokens, key).access_token(fresh.text).text
    renewed = Key(key.id, key.instance_id, "n", Role.ADMIN, generate().digest, 1.0, 1.0)
    assert ring(tokens, renewed).identify(token) is None


def test_nobody_gets_a_token_without_a_key(tokens, fresh, key):
    keys = ring(tokens, key)
    for wrong in ("", fresh.text[:-1], f"tcs_{OPERATOR}_{OPERATOR_KEY}", "x" * (MAX_TOKEN + 1)):
        assert keys.access_token(wrong) is None


def test_a_token_brings_no_other_token(tokens, fresh, key):
    keys = ring(tokens, key)
    assert keys.access_token(keys.access_token(fresh.text).text) is None


def test_an_altered_token_is_refused(tokens, fresh, key):
    keys = ring(tokens, key)
    token = keys.access_token(fresh.text).text
    header, payload, signature = token.split(".")
    none = urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    for altered in (
        with_claims(token, exp=2_000_000_000),
        with_claims(token, sub=OPERATOR),
        f"{none}.{payload}.",
        f"{none}.{payload}.{signature}",
        f"{header}.{payload}.",
        f"{header}.{payload}",
        f"{header}.{payload}.{signature[:-2]}",
        f"{header}.{payload}.{signature}.{signature}",
        f"{header}..{signature}",
        f"{token}\xe9",
        START,
        f"{START}..",
    ):
        assert keys.identify(altered) is None, altered


def test_a_token_of_another_gateway_is_refused(clock, tokens, fresh, key):
    other = AccessTokens([OTHER_MASTER], clock)
    token = ring(other, key).access_token(fresh.text).text
    assert ring(tokens, key).identify(token) is None


def test_tokens_outlive_a_change_of_the_master_key_while_the_old_one_is_known(clock, tokens, fresh, key):
    token = ring(tokens, key).access_token(fresh.text).text
    rotated = AccessTokens([OTHER_MASTER, MASTER], clock)
    assert ring(rotated, key).identify(token) is not None
    renewed = ring(rotated, key).access_token(fresh.text).text
    assert ring(AccessTokens([OTHER_MASTER], clock), key).identify(renewed) is not None
    assert ring(AccessTokens([OTHER_MASTER], clock), key).identify(token) is None


def test_without_tokens_only_keys_are_known(tokens, fresh, key):
    token = ring(tokens, key).access_token(fresh.text).text
    plain = KeyRing([key], operator_digest(OPERATOR_KEY))
    assert plain.access_token(fresh.text) is None and plain.identify(token) is None
    assert plain.identify(fresh.text) is not None


def test_a_key_of_the_operator_may_look_like_a_token(tokens):
    lookalike = START + "hbGciOiJub25lIn0.e30."
    assert ring(tokens, operator=lookalike).identify(lookalike).key_id == KeyId("operator")
