"""A setting that is a URL and a secret at once: whoever knows the URL of a chat's webhook can post."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, SecretStr

from gateway.spi.transport import parse_url


def _checked(secret: SecretStr) -> SecretStr:
    parse_url(secret.get_secret_value())
    return secret


SecretUrl = Annotated[SecretStr, AfterValidator(_checked)]


def readable_on_the_way(url: str) -> tuple[str, ...]:
    """The warning for a URL without TLS, for a configuration's `warnings`."""
    if url.lower().startswith("http://"):
        return ("http:// sends messages and the secret readable for everybody on the way; use https://",)
    return ()
