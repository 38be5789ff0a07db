"""Command line options made from the fields of a pydantic model, so that nothing is declared twice.

The model says name, type, default and meaning; here each field becomes a keyword-only parameter for
cyclopts, None where it was not given. Lists are options that may be repeated, maps repeated `NAME: VALUE`,
secrets words that `secrets.py` resolves.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from cyclopts import Group, Parameter
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from gateway.cli.panels import OPTIONS
from gateway.domain.errors import ConfigurationError

Command = Callable[..., int | None]

SECRET_HINT = "A secret: `-` for stdin, `env:NAME`, `file:PATH`, or `gateway:` and one of these."  # noqa: S105


def flag(name: str) -> str:
    """The option of a field: `data_dir` is `--data-dir`."""
    return "--" + name.replace("_", "-")


def options(model: type[BaseModel], *, without: Iterable[str] = ()) -> list[inspect.Parameter]:
    """One optional parameter for each field of a model; None means that the option was not given."""
    skipped = frozenset(without)
    return [option(name, field) for name, field in model.model_fields.items() if name not in skipped]


def option(
    name: str,
    field: FieldInfo,
    *,
    help: str = "",
    group: Group | None = None,
    alias: str | None = None,
    required: bool = False,
) -> inspect.Parameter:
    """The parameter of one field; `help` in place of what `described` says."""
    kind, _ = kind_of(field.annotation)
    about = Parameter(
        name=[flag(name), alias] if alias else flag(name),
        help=help or described(field),
        show_default=_shown_default(field),
        group=group or OPTIONS,
        negative_iterable=(),
    )
    return keyword(name, Annotated[kind if required else kind | None, about], required=required)


def described(field: FieldInfo) -> str:
    """What a field is, and how it is typed."""
    return " ".join(part for part in (field.description, kind_of(field.annotation)[1]) if part)


def keyword(
    name: str, annotation: object, *, default: object = None, required: bool = False
) -> inspect.Parameter:
    """A keyword-only parameter."""
    default = inspect.Parameter.empty if required else default
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def positional(name: str, annotation: object) -> inspect.Parameter:
    """A required argument without a name."""
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY, annotation=annotation)


def _shown_default(field: FieldInfo) -> bool | Callable[[object], str]:
    default = field.get_default(call_default_factory=False)
    if default in (None, "", PydanticUndefined) or isinstance(default, dict | tuple | bool):
        return False
    shown = str(default.value if isinstance(default, Enum) else default)
    return lambda _: shown


def with_parameters(parameters: Sequence[inspect.Parameter]) -> Callable[[Command], Command]:
    """Give a command that takes `**given` the signature that cyclopts reads, and the defaults in it."""
    signature = inspect.Signature(list(parameters))

    def decorate(command: Command) -> Command:
        def called(*args: Any, **given: Any) -> int | None:
            bound = signature.bind(*args, **given)
            bound.apply_defaults()
            return command(*bound.args, **bound.kwargs)

        called.__doc__, called.__name__ = command.__doc__, command.__name__
        called.__signature__ = signature  # type: ignore[attr-defined]
        called.__annotations__ = {}
        return called

    return decorate


def kind_of(annotation: Any) -> tuple[Any, str]:
    """What a person types for a field: the type for cyclopts, and what to add to its description."""
    annotation = _bare(annotation)
    origin = get_origin(annotation)
    if annotation is SecretStr:
        return str, SECRET_HINT
    if origin in (list, tuple, set, frozenset):
        return list[str], "Repeatable."
    if origin in (dict, Mapping):
        secret = _bare(get_args(annotation)[1]) is SecretStr
        return list[str], f"`NAME: VALUE`, repeatable. {SECRET_HINT if secret else ''}".strip()
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return Literal[tuple(str(one.value) for one in annotation)], ""
    return annotation, ""


def _bare(annotation: Any) -> Any:
    """`Annotated[int, ...] | None` is int to whoever types it."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        parts = [part for part in get_args(annotation) if part is not NoneType]
        return _bare(parts[0]) if len(parts) == 1 else str
    return annotation


def settings_of(
    model: type[BaseModel], given: Mapping[str, Any], secret: Callable[[str, str], str]
) -> dict[str, Any]:
    """What was given as values of the model's fields; `secret` resolves the words that stand for one.

    Raises ConfigurationError for a map's entry without a colon.
    """
    found: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        value = given.get(name)
        if value is not None:
            found[name] = _value(name, value, _bare(field.annotation), secret)
    return found


def _value(name: str, value: Any, annotation: Any, secret: Callable[[str, str], str]) -> Any:
    if annotation is SecretStr:
        return secret(flag(name), value)
    if get_origin(annotation) not in (dict, Mapping):
        return value
    pairs = dict(pair(flag(name), entry) for entry in value)
    if _bare(get_args(annotation)[1]) is SecretStr:
        return {key: secret(f"{flag(name)} {key}", word) for key, word in pairs.items()}
    return pairs


def pair(option_name: str, entry: str) -> tuple[str, str]:
    """Name and value of `NAME: VALUE`. Raises ConfigurationError."""
    name, colon, value = entry.partition(":")
    if not colon or not name.strip():
        raise ConfigurationError(f"{option_name} takes `NAME: VALUE`, as in {option_name} 'X-Team: storage'")
    return name.strip(), value.strip()
