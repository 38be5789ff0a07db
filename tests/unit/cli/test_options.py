"""Options made from the fields of a model."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

import pytest
from cyclopts import App
from pydantic import BaseModel, Field, SecretStr, StringConstraints

from gateway.cli.options import flag, kind_of, options, pair, settings_of, with_parameters
from gateway.domain.errors import ConfigurationError


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Model(BaseModel):
    host: Annotated[str, StringConstraints(min_length=1)] = Field(description="Where.")
    port: int | None = Field(None, description="Which port.")
    fast: bool = Field(True, description="Whether to hurry.")
    colour: Colour = Field(Colour.RED, description="Which colour.")
    verb: Annotated[Literal["get", "post"], "noted"] = Field("post", description="Which verb.")
    lines: tuple[str, ...] = Field((), description="Lines.")
    headers: dict[str, str] = Field({}, description="Headers.")
    token: SecretStr | None = Field(None, description="A token.")
    secret_headers: dict[str, SecretStr] = Field({}, description="Secret headers.")


def given_by(*arguments: str) -> dict:
    """What a command with the model's options is given."""
    found = {}

    @with_parameters(options(Model))
    def command(**given) -> None:
        found.update(given)

    app = App()
    app.default(command)
    app(arguments, result_action="return_value", exit_on_error=False, print_error=False)
    return found


def test_every_field_is_an_option_and_absent_ones_are_none():
    assert given_by() == dict.fromkeys(Model.model_fields)


def test_values_have_the_types_of_the_fields():
    found = given_by("--host", "a", "--port", "7", "--no-fast", "--colour", "blue", "--verb", "get")
    assert [found[name] for name in ("host", "port", "fast", "colour", "verb")] == [
        "a",
        7,
        False,
        "blue",
        "get",
    ]


def test_lists_and_maps_are_repeatable():
    found = given_by("--lines", "a", "--lines", "b", "--headers", "X: 1", "--headers", "Y: 2")
    assert (found["lines"], found["headers"]) == (["a", "b"], ["X: 1", "Y: 2"])


@pytest.mark.parametrize(
    "arguments", [("--port", "x"), ("--colour", "green"), ("--verb", "put"), ("--nothing", "1")]
)
def test_what_a_field_does_not_take_is_refused_by_the_parser(arguments):
    with pytest.raises(Exception, match=r"(?i)port|colour|verb|nothing"):
        given_by(*arguments)


def test_an_option_is_spelled_with_hyphens():
    assert flag("data_dir") == "--data-dir"


def test_settings_hold_what_was_given_and_nothing_else():
    given = dict.fromkeys(Model.model_fields) | {"headers": ["X-A: b: c", "Y:d"], "port": 0, "lines": []}
    assert settings_of(Model, given, lambda _, word: word) == {
        "headers": {"X-A": "b: c", "Y": "d"},
        "port": 0,
        "lines": [],
    }


def test_secrets_are_resolved_wherever_they_stand():
    asked = []

    def resolve(option: str, word: str) -> str:
        asked.append(option)
        return word.upper()

    given = {"token": "abc", "secret_headers": ["Authorization: bearer x"], "host": "plain"}
    found = settings_of(Model, given, resolve)
    assert found == {"token": "ABC", "secret_headers": {"Authorization": "BEARER X"}, "host": "plain"}
    assert asked == ["--token", "--secret-headers Authorization"]


@pytest.mark.parametrize("entry", ["", "no colon", ": value", "  : value"])
def test_an_entry_of_a_map_needs_a_name_and_a_colon(entry):
    with pytest.raises(ConfigurationError, match="--header takes `NAME: VALUE`"):
        pair("--header", entry)


def test_a_secret_says_how_it_can_be_given():
    assert "env:NAME" in kind_of(SecretStr | None)[1]
    assert "env:NAME" in kind_of(dict[str, SecretStr])[1]
    assert kind_of(str) == (str, "")
