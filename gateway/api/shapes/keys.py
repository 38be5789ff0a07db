"""Bodies of keys."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gateway.api.shapes.base import Answer, StrictGiven, timestamp
from gateway.domain.source import Key, Use
from gateway.service.connecting import Setup
from gateway.service.keys import IssuedKey


class KeyCreate(StrictGiven):
    """Issue a key."""

    name: str = Field("", max_length=255, description="What the key is for.")


class SourceKeyCreate(KeyCreate):
    """Issue a key of a source."""

    use: Use = Field(
        Use.HEADER,
        strict=False,
        description="Where it stands: in a header of requests, or in the path of a URL that needs no header.",
    )


class InstanceKeyCreate(KeyCreate):
    """Issue a key of the instance."""

    role: Literal["admin", "sender"] = Field(
        "admin", description="`admin` may do everything in the instance, `sender` may only send."
    )


class SetupAnswer(Answer):
    """What the sender needs; shown this once."""

    url: str
    headers: dict[str, str] | None = None
    snippet: str | None = Field(None, description="The product's own configuration, ready to paste.")
    key: str | None = Field(None, description="The key in it.")


class KeyAnswer(Answer):
    """A key, without its text."""

    id: str
    name: str
    role: str
    use: str
    created_at: str
    source_id: str | None = None


class IssuedKeyAnswer(KeyAnswer):
    """A new key. `key` is shown this once."""

    key: str
    setup: SetupAnswer | None = None


class KeyList(Answer):
    """All live keys."""

    keys: list[KeyAnswer]


def key_answer(key: Key) -> KeyAnswer:
    """A key for listing."""
    return KeyAnswer(
        id=key.id,
        name=key.name,
        role=key.role.value,
        use=key.use.value,
        created_at=timestamp(key.created_at),
        source_id=key.source_id,
    )


def issued_key_answer(issued: IssuedKey, made: Setup | None = None) -> IssuedKeyAnswer:
    """A key at birth."""
    shown = setup_answer(made) if made else None
    return IssuedKeyAnswer(**key_answer(issued.key).model_dump(), key=issued.text, setup=shown)


def setup_answer(made: Setup) -> SetupAnswer:
    """What to paste at the sender."""
    return SetupAnswer(
        url=made.url,
        headers=dict(made.headers) or None,
        snippet=made.snippet or None,
        key=made.key.text if made.key else None,
    )
