"""Secrets that live elsewhere."""

from pathlib import Path

import pytest

from gateway.domain.errors import Invalid
from gateway.security.references import References, is_reference


def test_plain_text_is_itself():
    assert References().resolve("whsec_abc") == "whsec_abc"
    assert not is_reference("whsec_abc") and is_reference("env:X") and is_reference("file:/x")


def test_a_variable_that_is_not_listed_is_refused_with_the_line_to_add():
    with pytest.raises(Invalid) as refused:
        References("env:OTHER", {"SMTP_PASSWORD": "s"}).resolve("env:SMTP_PASSWORD")
    assert refused.value.code == "reference_refused"
    assert refused.value.problems[0].expected.endswith("TOCSIN_REFERENCES=env:SMTP_PASSWORD")


def test_a_listed_variable_is_read_each_time():
    environment = {"SMTP_PASSWORD": "old"}
    references = References("env:SMTP_PASSWORD", environment)
    assert references.resolve("env:SMTP_PASSWORD") == "old"
    environment["SMTP_PASSWORD"] = "new"
    assert references.resolve("env:SMTP_PASSWORD") == "new"
    del environment["SMTP_PASSWORD"]
    with pytest.raises(Invalid, match="not set"):
        references.resolve("env:SMTP_PASSWORD")


def test_a_file_is_read_again_when_it_changes(tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_text("old\n")
    references = References(f"file:{tmp_path}")
    assert references.resolve(f"file:{secret}") == "old"
    secret.write_text("much newer\n")
    assert references.resolve(f"file:{secret}") == "much newer"


def test_a_folder_is_searched_for_url_then_webhook_url(tmp_path: Path):
    references = References(f"file:{tmp_path}")
    (tmp_path / "webhook-url").write_text("https://second")
    assert references.resolve(f"file:{tmp_path}") == "https://second"
    (tmp_path / "url").write_text("https://first")
    assert references.resolve(f"file:{tmp_path}") == "https://first"


@pytest.mark.parametrize("way", ["{inside}/../outside", "{inside}/link", "{outside}"])
def test_a_listed_folder_cannot_be_left(tmp_path: Path, way: str):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.write_text("secret")
    (inside / "link").symlink_to(outside)
    with pytest.raises(Invalid) as refused:
        References(f"file:{inside}").resolve("file:" + way.format(inside=inside, outside=outside))
    assert refused.value.code == "reference_refused"


def test_what_cannot_be_read_says_so_without_repeating_what_it_holds(tmp_path: Path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name in ("binary", "missing"):
        with pytest.raises(Invalid) as refused:
            References(f"file:{tmp_path}").resolve(f"file:{tmp_path / name}")
        assert refused.value.code == "reference_unreadable"
