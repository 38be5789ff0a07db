"""Which settings of a destination are secrets, and how they are masked, taken apart and put together.

A secret is a field of type SecretStr, or a map of them. Its place is the field's name, in a map
`field.key`; the vault seals each place by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, SecretStr

MASK = "**********"
"""What is shown in place of a secret; given back in an update it means: leave it as it is."""


def secret_fields(model: type[BaseModel]) -> frozenset[str]:
    """The names of a model's fields that hold a SecretStr, in whatever optional form."""
    fields = model.model_fields.items()
    return frozenset(name for name, declared in fields if "SecretStr" in str(declared.annotation))


def plain_secrets(config: BaseModel) -> dict[str, str]:
    """The secret values of a configuration by place; handle with care."""
    plain: dict[str, str] = {}
    for name in secret_fields(type(config)):
        value = getattr(config, name)
        if isinstance(value, SecretStr):
            plain[name] = value.get_secret_value()
        elif isinstance(value, Mapping):
            plain |= {f"{name}.{key}": part.get_secret_value() for key, part in value.items()}
    return plain


def open_settings(config: BaseModel) -> dict[str, Any]:
    """The settings that are no secrets, as JSON values."""
    return config.model_dump(mode="json", exclude=set(secret_fields(type(config))))


def with_secrets(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, Any]:
    """Put together again what `open_settings` and `plain_secrets` took apart, ready to be validated."""
    joined = dict(settings)
    for place, value in secrets.items():
        name, is_map, key = place.partition(".")
        joined[name] = {**joined.get(name, {}), key: value} if is_map else value
    return joined


def unmasked(
    settings: Mapping[str, Any], stored: Mapping[str, str], model: type[BaseModel]
) -> dict[str, Any]:
    """The settings with every secret that reads MASK replaced by what is stored in its place."""
    secret = secret_fields(model)
    return {
        name: _unmasked(name, value, stored) if name in secret else value for name, value in settings.items()
    }


def _unmasked(place: str, value: object, stored: Mapping[str, str]) -> object:
    if isinstance(value, Mapping):
        return {key: _unmasked(f"{place}.{key}", part, stored) for key, part in value.items()}
    return stored.get(place, value) if value == MASK else value
