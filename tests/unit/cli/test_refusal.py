"""What a server said, as the error that it is."""

from __future__ import annotations

from gateway.cli.client import refusal


def test_every_problem_of_the_body_is_kept():
    answer = {
        "code": "invalid_body",
        "detail": "two things",
        "problems": [
            {"code": "missing", "detail": "name is missing", "pointer": "/name"},
            {"code": "bad", "detail": "no rule", "pointer": "/rule", "expected": "severity"},
        ],
    }
    refused = refusal(400, answer)
    assert (refused.code, refused.detail) == ("invalid_body", "two things")
    assert [(one.code, one.pointer, one.expected) for one in refused.problems] == [
        ("missing", "/name", ""),
        ("bad", "/rule", "severity"),
    ]


def test_another_server_is_recognised_as_one():
    for answer in (None, "<html>", {"message": "no"}, []):
        refused = refusal(502, answer)
        assert refused.code == "http_502"
        assert "is that a Tocsin gateway?" in refused.detail
