"""Settings that are URLs: a webhook's, which is a secret as a whole, and the address of a server's API."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, SecretStr

from gateway.spi.transport import parse_url


def _secret(secret: SecretStr) -> SecretStr:
    parse_url(secret.get_secret_value())
    return secret


def _server(url: str) -> str:
    if "?" in parse_url(url).target:
        raise ValueError("the address of a server has no query")
    return url.rstrip("/")


SecretUrl = Annotated[SecretStr, AfterValidator(_secret)]
"""Whoever knows the URL of a chat's webhook can post, so all of it is a secret."""

ServerUrl = Annotated[str, AfterValidator(_server)]
"""What the paths of an API are appended to."""


def readable_on_the_way(
    url: str, what: str = "messages and the secret", *, plain: str = "http", secure: str = "https"
) -> tuple[str, ...]:
    """The warning for a URL without TLS, for a configuration's `warnings`: `what` everybody can read, and
    the scheme to use in place of the plain one."""
    if url.lower().startswith(f"{plain}:"):
        return (f"{plain}:// sends {what} readable for everybody on the way; use {secure}://",)
    return ()
