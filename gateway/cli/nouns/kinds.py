"""Options that come from the kinds of destinations: their settings, and the addresses of subscriptions.

Kinds are found by discovery; each model's fields become options, in a panel of their own in `--help`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from cyclopts import Group, Parameter
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gateway.cli.options import described, flag, keyword, kind_of, option, settings_of
from gateway.cli.panels import KINDS_SORT_KEY
from gateway.cli.secrets import from_file, resolve
from gateway.domain.errors import ConfigurationError
from gateway.spi.destination import AnyDestination
from gateway.spi.discovery import destinations
from gateway.spi.secret_fields import secret_fields

Kind: TypeAlias = type[AnyDestination]

FILE = "_file"
SECRET_HEADERS = "secret_headers"  # noqa: S105 - the name of a field
HEADER = "header"
MOST_NAMED = 6
SHORT = {"invited": "--to"}
"""Names that people think of, for fields that IBM named."""


def creatable() -> Sequence[Kind]:
    """Every kind that can be created, by name."""
    return sorted((kind for kind in destinations().values() if kind.creatable), key=lambda kind: kind.kind)


def config_options(kinds: Sequence[Kind], *, creating: bool) -> list[inspect.Parameter]:
    """The options of the settings of some kinds, a panel for those that the same kinds have.

    A required setting is a required option when something is created, except a secret, which may come in
    three ways.
    """
    found: list[inspect.Parameter] = []
    for shared in _fields(kinds, "Settings", lambda kind: kind.Config):
        required = creating and shared.field.is_required() and not shared.secret
        found.append(
            option(shared.name, shared.field, help=shared.help, group=shared.group, required=required)
        )
        if shared.name == SECRET_HEADERS:
            found.append(_header_option(shared.group))
        elif shared.secret:
            found.append(_file_option(shared.name))
    return found


def address_options(kinds: Sequence[Kind]) -> list[inspect.Parameter]:
    """The options of the addresses of some kinds, a panel for those that the same kinds have."""
    return [
        option(shared.name, shared.field, help=shared.help, group=shared.group, alias=SHORT.get(shared.name))
        for shared in _fields(kinds, "Address", lambda kind: kind.Address)
    ]


@dataclass(frozen=True, slots=True)
class _Shared:
    """A field of one kind, or of several that share its name; `secret` if it is one for any of them."""

    name: str
    field: FieldInfo
    help: str
    group: Group
    secret: bool


def _fields(kinds: Sequence[Kind], title: str, model: Callable[[Kind], type[BaseModel]]) -> Iterable[_Shared]:
    """Each field once, with the panel it stands in."""
    owners: dict[str, list[Kind]] = {}
    for kind in kinds:
        for name in model(kind).model_fields:
            owners.setdefault(name, []).append(kind)
    order = {kind.kind: number for number, kind in enumerate(kinds)}
    for name, users in owners.items():
        words = [kind.kind for kind in users]
        place = KINDS_SORT_KEY * (1 + len(kinds) - len(users)) + order[words[0]]
        group = Group(f"{title} of {_named(words)}", sort_key=place)
        fields = {kind.kind: model(kind).model_fields[name] for kind in users}
        secret = any(name in secret_fields(model(kind)) for kind in users)
        yield _Shared(name, fields[words[0]], _described(fields), group, secret)


def _described(fields: Mapping[str, FieldInfo]) -> str:
    """The description, or all of them with the kinds that they are true of; how it is typed stands once
    where that is the same for all."""
    hints = {kind_of(field.annotation)[1] for field in fields.values()}
    kinds: dict[str, list[str]] = {}
    for kind, field in fields.items():
        kinds.setdefault(described(field) if len(hints) > 1 else field.description or "", []).append(kind)
    told = [f"{', '.join(words)}: {text}" if len(kinds) > 1 else text for text, words in kinds.items()]
    return " ".join([*told, *(hints if len(hints) == 1 else ())]).strip()


def _named(kinds: Sequence[str]) -> str:
    """The kinds as the title of a panel, which has one line."""
    more = len(kinds) - MOST_NAMED
    return ", ".join(kinds) if more < 1 else f"{', '.join(kinds[:MOST_NAMED])} and {more} more"


def _file_option(name: str) -> inspect.Parameter:
    return keyword(name + FILE, Annotated[Path | None, Parameter(name=flag(name + FILE), show=False)])


def _header_option(group: Group) -> inspect.Parameter:
    about = Parameter(name="--header", help="Short for --secret-headers.", group=group, negative_iterable=())
    return keyword(HEADER, Annotated[list[str] | None, about])


def settings(kind: Kind, given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, as settings of the kind. Raises ConfigurationError for options it does not have."""
    named = dict(given)
    for name in secret_fields(kind.Config):
        path = named.pop(name + FILE, None)
        if path is not None:
            named[name] = from_file(flag(name + FILE), path)
    header = named.pop(HEADER, None)
    if header is not None:
        named[SECRET_HEADERS] = [*(named.get(SECRET_HEADERS) or []), *header]
    refuse_foreign(kind.kind, kind.Config, named)
    return _as_shown(settings_of(kind.Config, named, resolve))


def _as_shown(settings: dict[str, Any]) -> dict[str, Any]:
    """Secret headers in IBM's shape, in which the API shows them: all in one map, the secret ones named."""
    secret = settings.pop(SECRET_HEADERS, None)
    if secret:
        settings["custom_headers"] = settings.get("custom_headers", {}) | secret
        settings["sensitive_headers"] = [*settings.get("sensitive_headers", ()), *secret]
    return settings


def refuse_foreign(kind: str, model: type[BaseModel], given: Mapping[str, Any]) -> None:
    """Refuse options of other kinds. Raises ConfigurationError naming the first one."""
    for name, value in given.items():
        if value is not None and name not in model.model_fields:
            raise ConfigurationError(f"{flag(name)} is no option of {kind}; it has {_names(model)}")


def _names(model: type[BaseModel]) -> str:
    return ", ".join(map(flag, model.model_fields)) or "none"
