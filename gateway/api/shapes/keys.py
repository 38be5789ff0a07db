"""Bodies of keys."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gateway.api.shapes.base import Answer, StrictGiven, timestamp
from gateway.domain.source import Key
from gateway.service.keys import IssuedKey


class KeyCreate(StrictGiven):
    """Issue a key."""

    name: str = Field("", max_length=255, description="What the key is for.")


class InstanceKeyCreate(KeyCreate):
    """Issue a key of the instance."""

    role: Literal["admin", "sender"] = Field(
        "admin", description="`admin` may do everything in the instance, `sender` may only send."
    )


class KeyAnswer(Answer):
    """A key, without its text."""

    id: str
    name: str
    role: str
    created_at: str
    source_id: str | None = None


class IssuedKeyAnswer(KeyAnswer):
    """A new key. `key` is shown this once."""

    key: str


class KeyList(Answer):
    """All live keys."""

    keys: list[KeyAnswer]


def key_answer(key: Key) -> KeyAnswer:
    """A key for listing."""
    return KeyAnswer(
        id=key.id,
        name=key.name,
        role=key.role.value,
        created_at=timestamp(key.created_at),
        source_id=key.source_id,
    )


def issued_key_answer(issued: IssuedKey) -> IssuedKeyAnswer:
    """A key at birth."""
    return IssuedKeyAnswer(**key_answer(issued.key).model_dump(), key=issued.text)
