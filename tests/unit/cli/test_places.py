"""Where commands find the gateway."""

from __future__ import annotations

import pytest

from gateway.cli.places import Place, Unreachable, find
from gateway.domain.errors import ConfigurationError

VARIABLES = ("URL", "KEY", "ADMIN_KEY", "ADMIN_KEY_FILE", "INSTANCE", "DATA_DIR", "CONFIG")


@pytest.fixture(autouse=True)
def _no_gateway(monkeypatch, tmp_path):
    for name in VARIABLES:
        monkeypatch.delenv(f"TOCSIN_{name}", raising=False)
    monkeypatch.chdir(tmp_path)


def folder(path):
    path.mkdir()
    (path / "url").write_text("http://127.0.0.1:1234\n")
    (path / "admin.key").write_text("from-the-folder\n")


def test_the_environment_comes_first(monkeypatch, tmp_path):
    folder(tmp_path / "data")
    monkeypatch.setenv("TOCSIN_URL", "https://gateway.example/base/")
    monkeypatch.setenv("TOCSIN_KEY", "given")
    monkeypatch.setenv("TOCSIN_INSTANCE", "other")
    assert find() == Place("https://gateway.example/base", "given", "other")


def test_the_data_folder_of_a_gateway_here_is_enough(tmp_path):
    folder(tmp_path / "data")
    assert find() == Place("http://127.0.0.1:1234", "from-the-folder", "default")


def test_another_data_folder_can_be_named(monkeypatch, tmp_path):
    folder(tmp_path / "elsewhere")
    monkeypatch.setenv("TOCSIN_DATA_DIR", str(tmp_path / "elsewhere"))
    assert find().url == "http://127.0.0.1:1234"


def test_another_data_folder_can_be_named_by_the_settings_file(monkeypatch, tmp_path):
    folder(tmp_path / "elsewhere")
    (tmp_path / "tocsin.toml").write_text('data_dir = "elsewhere"\n')
    monkeypatch.setenv("TOCSIN_CONFIG", "tocsin.toml")
    assert find().key == "from-the-folder"
    (tmp_path / "tocsin.toml").write_text("no toml")
    with pytest.raises(ConfigurationError, match=r"tocsin\.toml"):
        find()


def test_the_key_of_the_gateway_serves_its_commands(monkeypatch, tmp_path):
    folder(tmp_path / "data")
    monkeypatch.setenv("TOCSIN_ADMIN_KEY", "operator")
    assert find().key == "operator"


def test_no_gateway_is_said_in_one_line_that_says_what_to_do():
    with pytest.raises(Unreachable, match=r"tocsin serve.*TOCSIN_URL") as nothing:
        find()
    assert "\n" not in str(nothing.value)


def test_no_key_names_the_file_that_was_looked_for(monkeypatch, tmp_path):
    monkeypatch.setenv("TOCSIN_URL", "http://127.0.0.1:1")
    with pytest.raises(ConfigurationError, match=r"TOCSIN_KEY.*data/admin\.key"):
        find()


@pytest.mark.parametrize("url", ["gateway.example", "ftp://gateway.example", "http://"])
def test_an_address_that_is_none_is_refused(url, monkeypatch):
    monkeypatch.setenv("TOCSIN_URL", url)
    monkeypatch.setenv("TOCSIN_KEY", "k")
    with pytest.raises(ConfigurationError, match="TOCSIN_URL must read like"):
        find()
