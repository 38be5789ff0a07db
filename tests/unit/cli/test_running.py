"""What a running gateway tells of its address."""

from __future__ import annotations

import pytest

from gateway.cli.running import published, url_of


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("::1", "http://[::1]:80"),
        ("gateway.example", "http://gateway.example:80"),
    ],
)
def test_an_address_is_one_that_this_machine_reaches(host, url):
    assert url_of(host, 80) == url


def test_the_address_is_in_the_folder_while_the_gateway_runs(tmp_path):
    path = tmp_path / "url"
    path.write_text("left behind by a crash")
    with published(path, "http://127.0.0.1:80"):
        assert path.read_text() == "http://127.0.0.1:80\n"
        assert [one.name for one in tmp_path.iterdir()] == ["url"]
    assert not path.exists()
