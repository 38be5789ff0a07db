"""Keys: who calls."""

import pytest

from gateway.domain.errors import ConfigurationError
from gateway.domain.ids import InstanceId, SourceId
from gateway.domain.source import Key, Role, Use
from gateway.security.keys import MAX_TOKEN, KeyRing, digest, generate, operator_digest

OPERATOR = "an-operators-key-of-enough-characters"


def ring(*keys: Key) -> KeyRing:
    return KeyRing(keys, operator_digest(OPERATOR))


def test_a_key_is_known_by_its_whole_text_only():
    fresh = generate()
    key = Key(fresh.id, InstanceId("i"), "n", Role.SOURCE, fresh.digest, 1.0, 1.0, SourceId("s"))
    principal = ring(key).identify(fresh.text)
    assert principal is not None
    assert (principal.role, principal.instance_id, principal.source_id) == (Role.SOURCE, "i", "s")
    for wrong in (fresh.text[:-1], fresh.text + "x", fresh.text.upper(), "", "tcs_", f"tcs_{fresh.id}_"):
        assert ring(key).identify(wrong) is None
    assert ring().identify(fresh.text) is None


def test_the_operator_is_known_and_belongs_to_no_instance():
    principal = ring().identify(OPERATOR)
    assert principal is not None and principal.role is Role.OPERATOR and principal.instance_id is None


def test_a_short_operator_key_is_refused():
    with pytest.raises(ConfigurationError, match="20 or more"):
        operator_digest("short")


def test_an_endless_token_is_refused_unread():
    assert ring().identify("x" * (MAX_TOKEN + 1)) is None


def test_only_the_digest_of_a_secret_is_kept():
    fresh = generate()
    secret = fresh.text.split("_", 2)[2]
    assert fresh.digest == digest(secret) and secret not in fresh.digest
    assert generate().text != fresh.text


@pytest.mark.parametrize(
    "key", ["pässwörter-sind-geheim-0123", "a key with spaces in it 0123", "k" * 30 + "\n", "k" * 1025]
)
def test_an_operator_key_that_no_client_could_send_is_refused(key):
    with pytest.raises(ConfigurationError, match="TOCSIN_ADMIN_KEY may hold printable ASCII") as refused:
        operator_digest(key)
    assert key not in str(refused.value)


def test_a_key_of_a_url_is_good_there_and_nowhere_else():
    header, url = generate(), generate()
    known = KeyRing(
        [
            Key(header.id, "i", "", Role.SOURCE, header.digest, 0.0, 0.0, "s"),
            Key(url.id, "i", "", Role.SOURCE, url.digest, 0.0, 0.0, "s", Use.URL),
        ],
        operator_digest(OPERATOR),
    )
    found = known.by_url(url.text)
    assert found is not None and (found.source_id, found.key_id) == ("s", url.id)
    assert known.identify(url.text) is None and known.access_token(url.text) is None
    assert known.by_url(header.text) is None and known.identify(header.text) is not None
    assert known.by_url(url.text + "x") is None
    assert known.by_url(OPERATOR) is None
    assert known.by_url("x" * 1_000_000) is None
