"""Connecting a sender: the credential that its product can send, and what to paste there, ready to work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Template

from gateway.domain.source import Instance, Role, Signing, Source, Use
from gateway.pipeline.signature import HUB_HEADER
from gateway.service.keys import IssuedKey, Keys
from gateway.spi.discovery import source_formats
from gateway.spi.signing import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER
from gateway.spi.source_format import Credential, SourceFormat

KEY_NAME = "made with its source"


@dataclass(frozen=True, slots=True)
class Setup:
    """What the sender needs. `snippet` is its own configuration. All of it is secret, and shown once."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    snippet: str = ""
    key: IssuedKey | None = None


class Connecting:
    """Use cases of connecting."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def connect(self, instance: Instance, source: Source, base: str) -> Setup | None:
        """A credential for a new source of a native format; None for any other source.

        `base` is how the sender reaches this gateway, without a slash at the end.
        """
        chosen = _native(source)
        if chosen is None:
            return None
        if source.signing:
            return setup(source, base)
        use = Use.URL if chosen.credential is Credential.URL else Use.HEADER
        issued = await self._keys.issue(instance, Role.SOURCE, KEY_NAME, source.id, use)
        return setup(source, base, issued)


def setup(source: Source, base: str, issued: IssuedKey | None = None) -> Setup:
    """What to paste at the sender, with this key."""
    text = issued.text if issued else ""
    in_url = issued is not None and issued.key.use is Use.URL
    place = f"/in/{text}" if in_url else f"/v1/instances/{source.instance_id}/sources/{source.id}/events"
    url = base + place
    chosen = _native(source)
    snippet = Template(chosen.snippet).safe_substitute(url=url, key=text) if chosen and issued else ""
    return Setup(url, _headers(source, text, in_url=in_url), snippet, issued)


def _native(source: Source) -> SourceFormat | None:
    """The format of a source that tells how it is connected."""
    chosen = source_formats().get(source.format)
    return chosen if chosen and chosen.snippet else None


def _headers(source: Source, key: str, *, in_url: bool) -> Mapping[str, str]:
    if in_url:
        return {}
    if source.signing is Signing.HUB:
        return {HUB_HEADER: "sha256=<HMAC of the body>"}
    if source.signing is Signing.STANDARD:
        return {
            ID_HEADER: "<id>",
            TIMESTAMP_HEADER: "<seconds>",
            SIGNATURE_HEADER: "v1,<HMAC of id.seconds.body>",
        }
    return {source.key_header: key} if source.key_header else {"Authorization": f"Bearer {key}"}
