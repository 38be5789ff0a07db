"""Secrets of a configuration: found, masked, taken apart and put together."""

from __future__ import annotations

from pydantic import Field, SecretStr

from gateway.spi.destination import DestinationConfig
from gateway.spi.secret_fields import MASK, open_settings, plain_secrets, secret_fields, with_secrets


class Config(DestinationConfig):
    host: str = Field(title="Host", description="Host.")
    token: SecretStr = Field(title="Token", description="Token.")
    spare: SecretStr | None = Field(None, title="Spare", description="Spare.")
    headers: dict[str, SecretStr] = Field({}, title="Headers", description="Headers.")


CONFIG = Config(host="h", token="t0ken", headers={"X.Y": "v1", "Z": "v2"})
SECRETS = {"token": "t0ken", "headers.X.Y": "v1", "headers.Z": "v2"}


def test_secrets_are_found_in_every_form():
    assert secret_fields(Config) == {"token", "spare", "headers"}
    assert plain_secrets(CONFIG) == SECRETS


def test_the_open_settings_hold_no_secret():
    assert open_settings(CONFIG) == {"host": "h"}


def test_taken_apart_and_put_together_it_is_the_same():
    assert Config.model_validate(with_secrets(open_settings(CONFIG), SECRETS)) == CONFIG


def test_shown_secrets_are_masked():
    assert CONFIG.shown() == {"host": "h", "token": MASK, "spare": None, "headers": {"X.Y": MASK, "Z": MASK}}
    assert not [secret for secret in SECRETS.values() if secret in repr(CONFIG) + str(CONFIG)]


def test_a_mask_given_back_keeps_what_is_stored():
    edited = {**CONFIG.shown(), "host": "new", "headers": {"X.Y": MASK, "Z": "changed"}}
    after = Config.model_validate(edited, context={"stored": SECRETS})
    assert after.host == "new"
    assert plain_secrets(after) == SECRETS | {"headers.Z": "changed"}


def test_a_mask_with_nothing_stored_is_an_ordinary_value():
    after = Config.model_validate({"host": "h", "token": "t", "spare": MASK}, context={"stored": SECRETS})
    assert plain_secrets(after)["spare"] == MASK
