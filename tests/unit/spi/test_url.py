"""URLs: what is accepted, in which normal form, and how a refusal protects the secret in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.spi.url import MAX_URL, InvalidUrl, parse_url


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("https://example.com", "https://example.com/"),
        ("HTTPS://Example.COM:443/A?b=C", "https://example.com/A?b=C"),
        ("http://example.com:80", "http://example.com/"),
        ("http://example.com:8080/x", "http://example.com:8080/x"),
        ("https://example.com:80/", "https://example.com:80/"),
        ("https://example.com?q", "https://example.com/?q"),
        ("https://example.com//double//slash/../x", "https://example.com//double//slash/../x"),
        ("https://example.com/%7euser?a=%2F&b=[1]&c=a+b", "https://example.com/%7euser?a=%2F&b=[1]&c=a+b"),
        ("http://my_service:9000/hook", "http://my_service:9000/hook"),
        ("http://localhost:8080/", "http://localhost:8080/"),
        ("http://127.0.0.1/", "http://127.0.0.1/"),
        ("http://[::1]:8080/", "http://[::1]:8080/"),
        ("http://[0:0:0:0:0:0:0:1]/", "http://[::1]/"),
        ("http://[2001:DB8::A]/", "http://[2001:db8::a]/"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://BÜCHER.example/", "https://xn--bcher-kva.example/"),
    ],
)
def test_a_url_is_brought_to_normal_form_and_its_path_and_query_stay(text, normal):
    assert parse_url(text).text == normal
    assert parse_url(normal).text == normal


def test_the_parts_of_a_url():
    url = parse_url("https://[2606:4700::1]:8443/a?b")
    assert (url.scheme, url.host, url.port, url.target) == ("https", "2606:4700::1", 8443, "/a?b")
    assert url.authority == "[2606:4700::1]:8443"
    assert url.origin == ("https", "2606:4700::1", 8443)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "http"),
        ("example.com", "http"),
        ("//example.com/", "http"),
        ("ftp://example.com/", "http"),
        ("file:///etc/passwd", "http"),
        ("gopher://127.0.0.1:25/_x", "http"),
        ("http:/example.com", "http"),
        (" https://example.com/", "http"),
        ("https:///path", "no host"),
        ("https://:443/", "no host"),
        ("https://user:pass@example.com/", "password"),
        ("https://example.com@evil.test/", "password"),
        ("https://example.com/#part", "#fragment"),
        ("https://example.com:/", "host:port"),
        ("https://example.com:0/", "1 to 65535"),
        ("https://example.com:65536/", "1 to 65535"),
        ("https://example.com:http/", "host:port"),
        ("https://example.com./", "1 to 63"),
        ("https://a..b/", "1 to 63"),
        ("https://-a.example/", "1 to 63"),
        ("https://exa mple.com/", "1 to 63"),
        ("https://exam\tple.com/", "1 to 63"),
        ("https://%65xample.com/", "1 to 63"),
        ("https://" + "a" * 64 + ".com/", "1 to 63"),
        ("https://" + "a." * 127 + "example/", "1 to 63"),
        ("http://127.1/", "four decimal"),
        ("http://127.0.1/", "four decimal"),
        ("http://2130706433/", "four decimal"),
        ("http://0x7f000001/", "four decimal"),
        ("http://0x7f.1/", "four decimal"),
        ("http://0177.0.0.1/", "four decimal"),
        ("http://127.0.0.01/", "four decimal"),
        ("http://256.0.0.1/", "four decimal"),
        ("http://0/", "four decimal"),
        ("http://１２７.０.０.１/", "xn--"),
        ("http://①②⑦.⓪.⓪.①/", "xn--"),
        ("http://127。0。0。1/", "xn--"),
        ("http://ｅxample.com/", "xn--"),
        ("http://straße.example/", "xn--"),
        ("http://[::1/", "brackets"),
        ("http://::1/", "brackets"),
        ("http://[127.0.0.1]/", "brackets"),
        ("http://[fe80::1%25eth0]/", "zone"),
        ("http://[fe80::1%eth0]/", "zone"),
        ("https://example.com/a b", "U+0020"),
        ("https://example.com/\r\nHost: evil", "U+000D"),
        ("https://example.com/\x00", "U+0000"),
        ("https://example.com/a\\b", "U+005C"),
        ("https://example.com/{token}", "U+007B"),
        ("https://example.com/ü", "U+00FC"),
        ("https://example.com\\@evil.test/", "password"),
        ("https://example.com/" + "a" * MAX_URL, "2048 bytes"),
    ],
)
def test_a_url_that_is_refused_says_why(text, why):
    with pytest.raises(InvalidUrl) as error:
        parse_url(text)
    assert why in str(error.value)


def test_a_refusal_is_a_value_error_so_that_models_report_it_and_it_never_repeats_the_url():
    with pytest.raises(ValueError, match="percent-encode") as error:
        parse_url("https://hooks.example.com/services/T0/B0/s3cret key")
    assert "s3cret" not in str(error.value)


def test_printing_a_url_hides_path_and_query():
    url = parse_url("https://hooks.example.com/services/T0/B0/s3cret?token=abc")
    assert str(url) == "https://hooks.example.com/…"
    assert "s3cret" not in repr(url)
    assert "abc" not in repr(url)
    assert str(parse_url("https://example.com/")) == "https://example.com/"


@given(st.text(max_size=100).map("http://".__add__) | st.text(max_size=100))
def test_any_text_is_a_url_in_normal_form_or_refused(text):
    try:
        url = parse_url(text)
    except InvalidUrl:
        return
    assert parse_url(url.text) == url
    assert url.text.isascii()
    assert not any(character in url.text for character in " \r\n\t\x00#\\")
    assert "@" not in url.authority
