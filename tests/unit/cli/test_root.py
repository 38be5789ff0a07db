"""Words of other systems, and what an error becomes."""

from __future__ import annotations

import pytest

from gateway.cli import root
from gateway.cli.places import Unreachable
from gateway.domain.errors import ConfigurationError, NotFound
from gateway.settings import SECRET_FIELDS, Settings


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("group list", "topic list"),
        ("target update chat", "destination update chat"),
        ("notification group update --name x", "topic update --name x"),
        ("notification target test x", "destination test x"),
        ("notification list", "notification list"),
        ("source create --enabled true --name x", "source create --enabled=true --name x"),
        ("source create --enabled False", "source create --enabled=false"),
        ("source create --enabled --name x", "source create --enabled --name x"),
        ("target create slack --url -", "destination create slack --url=-"),
        ("send --data - --type x", "send --data=- --type x"),
        ("topic create --name group", "topic create --name group"),
    ],
)
def test_words_of_other_systems_are_understood(typed, meant):
    assert root._known(typed.split()) == meant.split()


@pytest.mark.parametrize(
    ("error", "code"),
    [(NotFound("source_not_found", "no"), 1), (ConfigurationError("no"), 2), (Unreachable("no"), 3)],
)
def test_an_error_is_an_exit_code_and_a_line(error, code, capsys):
    assert root._report(error) == code
    captured = capsys.readouterr()
    assert captured.out == "" and len(captured.err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [["nothing"], ["source", "nothing"], ["source", "create"], ["serve", "--lisen", "x"]]
)
def test_wrong_usage_is_exit_code_2(arguments, capsys):
    assert root.run(arguments) == 2
    assert capsys.readouterr().out == ""


def test_every_command_can_be_imported_and_explains_itself(capsys):
    for name, *_ in root.COMMANDS:
        assert root.run([name, "--help"]) == 0
        assert f"Usage: tocsin {name}" in capsys.readouterr().out


def test_every_setting_but_the_secrets_is_an_option_of_serve():
    options = {
        name for argument in root.app["serve"].assemble_argument_collection() for name in argument.names
    }
    for name in Settings.model_fields:
        assert (f"--{name.replace('_', '-')}" in options) == (name not in SECRET_FIELDS), name
