"""Which migrations are due."""

from __future__ import annotations

import pytest

from gateway.domain.errors import ConfigurationError
from gateway.storage import migrate


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "0001_init.sql").write_text("CREATE TABLE a (b);")
    (tmp_path / "0002_more.sql").write_text("CREATE TABLE c (d);")
    return tmp_path


def applied(migrations):
    return {one.number: one.checksum for one in migrations}


def test_migrations_are_read_in_order_with_a_checksum(folder):
    first, second = migrate.load(folder)
    assert [(one.number, one.name) for one in (first, second)] == [(1, "init"), (2, "more")]
    assert len(first.checksum) == 64
    assert first.checksum != second.checksum


@pytest.mark.parametrize("name", ["0004_gap.sql", "0002_twice.sql", "3_short.sql", "0003-dash.sql"])
def test_a_file_that_does_not_continue_the_numbers_is_an_error(folder, name):
    (folder / name).write_text("")
    with pytest.raises(ValueError, match="does not continue"):
        migrate.load(folder)


def test_what_is_not_applied_is_due(folder):
    known = migrate.load(folder)
    assert migrate.due(known, {}, "x") == known
    assert migrate.due(known, applied(known[:1]), "x") == known[1:]
    assert migrate.due(known, applied(known), "x") == ()


def test_a_newer_schema_is_refused_in_one_line(folder):
    known = migrate.load(folder)
    with pytest.raises(ConfigurationError) as caught:
        migrate.due(known[:1], applied(known), "/data/tocsin.db")
    text = str(caught.value)
    assert "/data/tocsin.db" in text
    assert "version 2" in text
    assert "\n" not in text


def test_a_migration_that_was_changed_afterwards_is_refused(folder):
    known = migrate.load(folder)
    with pytest.raises(ConfigurationError, match="0001"):
        migrate.due(known, applied(known) | {1: "0" * 64}, "x")
