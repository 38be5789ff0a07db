"""What a source says to its format: checked, its secrets sealed apart from the rest and never shown again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from gateway.domain.errors import Invalid
from gateway.domain.source import Source
from gateway.pipeline.signature import vault_place
from gateway.security.references import is_reference
from gateway.security.vault import Secrets
from gateway.service.destinations import model_problems
from gateway.spi.discovery import source_formats
from gateway.spi.secret_fields import (
    MASK,
    open_settings,
    plain_secrets,
    secret_fields,
    unmasked,
    with_secrets,
)
from gateway.spi.source_format import FormatOptions

OPTIONS = "/format_options"
_OPTION = "option."
"""What the places of sealed options begin with, beside the signing secrets of a source."""


def check_options(name: str, options: Mapping[str, object]) -> FormatOptions:
    """What a format makes of these options. Raises Invalid with pointers into them."""
    try:
        return _model(name).model_validate(dict(options))
    except ValidationError as error:
        raise Invalid.of(model_problems(error, OPTIONS)) from error


def sealed(source: Source, before: Source, secrets: Secrets) -> Source:
    """The source with its options as they are kept. A secret that reads MASK stays what it was `before`.

    Raises Invalid, also for a reference that the operator does not allow.
    """
    kept = {place: text for place, text in source.secrets.items() if not place.startswith(_OPTION)}
    if not secret_fields(_model(source.format)):
        check_options(source.format, source.options)
        return replace(source, secrets=kept)
    known = _texts(before, secrets) if before.format == source.format else {}
    model = check_options(source.format, unmasked(dict(source.options), known, _model(source.format)))
    for place, text in plain_secrets(model).items():
        _check_secret(place, text, secrets)
        field = _OPTION + place
        kept[field] = secrets.seal(text, vault_place(source, field))
    return replace(source, options=open_settings(model), secrets=kept)


def opened(source: Source, secrets: Secrets) -> FormatOptions:
    """The options of a source, secrets and all.

    Raises ConfigurationError and Invalid for a secret that cannot be had, ValidationError for options that
    do not fit the format any more.
    """
    plain = {
        place: secrets.open(text, vault_place(source, _OPTION + place))
        for place, text in _sealed(source).items()
    }
    return _model(source.format).model_validate(with_secrets(source.options, plain))


def shown(source: Source) -> dict[str, Any]:
    """The options of a source for reading, every secret masked."""
    return with_secrets(source.options, dict.fromkeys(_sealed(source), MASK))


def _model(name: str) -> type[FormatOptions]:
    chosen = source_formats().get(name)
    return chosen.Options if chosen else FormatOptions


def _sealed(source: Source) -> Mapping[str, str]:
    """The sealed options of a source by their places in the model."""
    return {
        place.removeprefix(_OPTION): text
        for place, text in source.secrets.items()
        if place.startswith(_OPTION)
    }


def _texts(source: Source, secrets: Secrets) -> Mapping[str, str]:
    """The secrets of a source as they were written, but for those whose key is lost."""
    return {
        place: secrets.text(text, vault_place(source, _OPTION + place))
        for place, text in _sealed(source).items()
        if secrets.knows(text)
    }


def _check_secret(place: str, text: str, secrets: Secrets) -> None:
    if text == MASK:
        raise Invalid(
            "secret_missing",
            "this stands for a secret that is not known here",
            pointer=f"{OPTIONS}/{place.replace('.', '/', 1)}",
            expected="the secret itself",
        )
    if is_reference(text):
        secrets.resolve(text)
