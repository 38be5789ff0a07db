"""Secrets at rest."""

import base64
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import ConfigurationError
from gateway.security.vault import Vault, fresh_key, parse_keys, write_private

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))


@given(st.text(max_size=200), st.text(max_size=50))
def test_what_is_sealed_opens_at_its_place_only(secret: str, place: str):
    vault = Vault([KEY])
    sealed = vault.seal(secret, place)
    assert vault.open(sealed, place) == secret
    with pytest.raises(ConfigurationError):
        vault.open(sealed, place + "x")


def test_equal_secrets_are_sealed_differently():
    vault = Vault([KEY])
    assert vault.seal("s", "p") != vault.seal("s", "p")


def test_an_altered_ciphertext_does_not_open():
    vault = Vault([KEY])
    version, key_id, text = vault.seal("secret", "p").split(":")
    raw = bytearray(base64.b64decode(text))
    raw[-1] ^= 1
    with pytest.raises(ConfigurationError, match="altered"):
        vault.open(f"{version}:{key_id}:{base64.b64encode(raw).decode()}", "p")


def test_an_old_key_opens_what_it_sealed_and_the_first_one_seals():
    sealed = Vault([OTHER]).seal("secret", "p")
    rotated = Vault([KEY, OTHER])
    assert rotated.open(sealed, "p") == "secret"
    assert Vault([KEY]).open(rotated.seal("new", "p"), "p") == "new"
    with pytest.raises(ConfigurationError, match="TOCSIN_SECRET_KEY"):
        Vault([KEY]).open(sealed, "p")


@pytest.mark.parametrize("text", ["", "short", base64.b64encode(b"x" * 31).decode(), "!" * 44])
def test_what_is_no_master_key_is_refused_with_how_to_make_one(text: str):
    with pytest.raises(ConfigurationError, match="openssl rand -base64 32"):
        parse_keys(text)


def test_a_fresh_key_is_one_of_32_bytes_and_never_the_same():
    assert fresh_key() != fresh_key() and len(parse_keys(fresh_key())[0]) == 32


def test_a_private_file_is_made_once(tmp_path: Path):
    path = tmp_path / "secret.key"
    write_private(path, "first")
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        write_private(path, "other")
    assert path.read_text() == "first\n"


def test_a_vault_knows_what_its_keys_sealed():
    one, other = Vault([b"1" * 32]), Vault([b"2" * 32, b"1" * 32])
    assert other.knows(one.seal("s", "p")) and not one.knows(other.seal("s", "p"))
    assert not one.knows("") and not one.knows("v1") and not one.knows("v2:x:y")


def test_the_file_mode_does_not_depend_on_the_umask(tmp_path: Path):
    before = os.umask(0)
    try:
        write_private(tmp_path / "k", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "k").stat().st_mode & 0o777 == 0o600
