"""The address of a database: told without its password, which may stand in a file."""

import pytest

from gateway.settings import load, without_password
from gateway.storage.postgres.store import address

HOSTILE = ["postgresql://me:pa/ss@host/db", "postgresql://me:p#ss@host/db", "postgresql://me:p?ss@host/db"]


def test_people_are_told_where_it_is():
    assert address("postgresql://me:hunter2@host:5433/db?sslmode=require") == "postgresql://host:5433/db"
    assert without_password("postgresql://me:hunter2@host/db") == "postgresql://me:***@host/db"
    assert without_password("sqlite:///path") == "sqlite:///path"


@pytest.mark.parametrize("dsn", HOSTILE)
def test_a_password_that_is_not_escaped_is_not_told_either(dsn):
    assert "ss" not in address(dsn).removeprefix("postgresql")
    assert without_password(dsn) == "postgresql://me:***@host/db"


def test_it_may_stand_in_a_file(tmp_path, monkeypatch):
    path = tmp_path / "database"
    path.write_text("postgresql://me:hunter2@host/db\n")
    monkeypatch.setenv("TOCSIN_DATABASE_FILE", str(path))
    assert load().database == "postgresql://me:hunter2@host/db"
