"""`tocsin schemas`: what is made from code is written, and drift from it is told."""

from __future__ import annotations

import json

import pytest

from gateway.cli import generated
from gateway.settings import Settings
from gateway.spi.discovery import destinations
from gateway.spi.secret_fields import secret_fields


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(generated, "FOLDER", tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def made():
    return {name: json.loads(text) for name, text in generated.generated().items()}


def test_what_is_committed_is_up_to_date(capsys):
    assert generated.write(check=True) == 0
    assert capsys.readouterr().err == ""


def test_drift_is_told_by_name_and_mended(folder, capsys):
    assert generated.write(check=True) == 1
    assert "schemas/openapi.json is not up to date: run `make schemas`" in capsys.readouterr().err
    assert not list(folder.iterdir())
    assert generated.write() == 0
    assert generated.write(check=True) == 0
    (folder / "openapi.json").write_text("{}")
    assert generated.write(check=True) == 1


def test_what_is_generated_no_more_is_drift_and_removed(folder):
    generated.write()
    gone = folder / "destinations" / "pigeon.schema.json"
    gone.write_text("{}")
    (folder / "by-hand.json").write_text("{}")
    assert generated.write(check=True) == 1
    assert generated.write() == 0
    assert not gone.exists() and (folder / "by-hand.json").exists()


def test_it_is_the_same_whatever_the_environment_says(made, monkeypatch):
    monkeypatch.setenv("TOCSIN_PUBLIC_URL", "https://events.example.com")
    assert json.loads(generated.generated()["openapi.json"]) == made["openapi.json"]


def test_the_settings_file_is_described_whole(made):
    described = made["settings.schema.json"]["properties"]
    assert set(described) == set(Settings.model_fields)
    assert all(one["description"] for one in described.values())


@pytest.mark.parametrize("kind", sorted(destinations()))
def test_every_kind_of_destination_is_described_with_its_secrets(made, kind):
    described = made[f"destinations/{kind}.schema.json"]
    config = described["$defs"][described["properties"]["params"]["$ref"].rpartition("/")[2]]
    assert set(config["properties"]) == set(destinations()[kind].Config.model_fields)
    for name, field in config["properties"].items():
        assert field["title"] and field["description"]
        assert ("writeOnly" in json.dumps(field)) == (name in secret_fields(destinations()[kind].Config))
