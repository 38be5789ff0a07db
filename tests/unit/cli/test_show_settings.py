"""`tocsin settings`: every knob, its value and where that comes from."""

from __future__ import annotations

import json
import os

import pytest

from gateway.cli import root
from gateway.settings import Settings


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    for name in [name for name in os.environ if name.startswith("TOCSIN_")]:
        monkeypatch.delenv(name)


def rows(capsys) -> dict:
    assert root.run(["settings", "--output", "json"]) == 0
    return {row["setting"]: row for row in json.loads(capsys.readouterr().out)}


def test_every_setting_is_listed_with_its_meaning(capsys):
    found = rows(capsys)
    assert set(found) == {f"TOCSIN_{name.upper()}" for name in Settings.model_fields}
    assert all(row["meaning"] and row["set_by"] == "default" for row in found.values())
    assert found["TOCSIN_LISTEN"]["value"] == "127.0.0.1:8080"


def test_each_value_says_what_set_it(capsys, monkeypatch, tmp_path):
    config, key = tmp_path / "tocsin.toml", tmp_path / "key"
    config.write_text('in_flight = 7\nlog_level = "debug"\n')
    key.write_text("x" * 32)
    monkeypatch.setenv("TOCSIN_CONFIG", str(config))
    monkeypatch.setenv("TOCSIN_LOG_LEVEL", "error")
    monkeypatch.setenv("TOCSIN_ADMIN_KEY_FILE", str(key))
    found = rows(capsys)
    assert (found["TOCSIN_IN_FLIGHT"]["value"], found["TOCSIN_IN_FLIGHT"]["set_by"]) == (7, "TOCSIN_CONFIG")
    assert (found["TOCSIN_LOG_LEVEL"]["value"], found["TOCSIN_LOG_LEVEL"]["set_by"]) == (
        "error",
        "TOCSIN_LOG_LEVEL",
    )
    assert found["TOCSIN_ADMIN_KEY"]["set_by"] == "TOCSIN_ADMIN_KEY_FILE"


def test_secrets_are_masked(capsys, monkeypatch):
    monkeypatch.setenv("TOCSIN_ADMIN_KEY", "a-secret-of-the-operator")
    assert root.run(["settings"]) == 0
    captured = capsys.readouterr()
    assert "(secret)" in captured.out
    assert "a-secret-of-the-operator" not in captured.out + captured.err


def test_a_broken_setting_is_one_line_and_exit_code_2(capsys, monkeypatch):
    monkeypatch.setenv("TOCSIN_IN_FLIGHT", "many")
    assert root.run(["settings"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
