"""Secrets from stdin, files and the environment."""

from __future__ import annotations

import io

import pytest

from gateway.cli.secrets import from_file, resolve
from gateway.domain.errors import ConfigurationError


def test_a_word_is_the_secret_itself():
    assert resolve("--password", "hunter2") == "hunter2"


def test_a_secret_may_be_in_the_environment(monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "abc")
    assert resolve("--password", "env:MY_TOKEN") == "abc"


def test_a_secret_may_be_in_a_file(tmp_path):
    path = tmp_path / "secret"
    path.write_text("  abc\n")
    assert resolve("--url", f"file:{path}") == from_file("--url", path) == "abc"


def test_a_secret_may_be_a_line_of_stdin(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("abc\nmore\n"))
    assert resolve("--url", "-") == "abc"


def test_a_reference_for_the_gateway_is_passed_on():
    assert resolve("--url", "gateway:env:SLACK_URL") == "env:SLACK_URL"
    assert resolve("--url", "gateway:file:/run/secrets/slack") == "file:/run/secrets/slack"


@pytest.mark.parametrize("word", ["env:NOT_SET_ANYWHERE", "file:/nonexistent/secret", "-"])
def test_a_secret_that_is_not_there_names_the_option_and_the_place(word, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(
        ConfigurationError, match=r"--password: .*(NOT_SET_ANYWHERE|/nonexistent/secret|stdin)"
    ):
        resolve("--password", word)


def test_a_file_that_is_not_text_is_refused_without_quoting_it(tmp_path):
    path = tmp_path / "secret"
    path.write_bytes(b"\xff\xfehidden")
    with pytest.raises(ConfigurationError, match="it is not text") as refused:
        from_file("--url", path)
    assert "hidden" not in str(refused.value)
