"""Finding adapters: by entry point, lazily, so that nothing in the gateway names one.

An entry point of group `tocsin.destinations` or `tocsin.sources` names a package or a module; every
concrete Destination or SourceFormat in it counts. Third parties register theirs the same way.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any, TypeVar

from gateway.domain.errors import ConfigurationError
from gateway.spi.destination import AnyDestination, Destination
from gateway.spi.source_format import SourceFormat

DESTINATIONS = "tocsin.destinations"
SOURCES = "tocsin.sources"

T = TypeVar("T")


@cache
def destinations() -> Mapping[str, type[AnyDestination]]:
    """Every kind of destination by its `kind`. Raises ConfigurationError when two share one."""
    found: dict[str, type[AnyDestination]] = {}
    for adapter in _concrete(DESTINATIONS, Destination):
        _add(found, adapter.kind, adapter)
    return found


@cache
def source_formats() -> Mapping[str, SourceFormat]:
    """Every source format by its `name`. Raises ConfigurationError when two share one."""
    found: dict[str, SourceFormat] = {}
    for adapter in _concrete(SOURCES, SourceFormat):
        _add(found, adapter.name, adapter())
    return found


def _add(found: dict[str, T], name: str, adapter: T) -> None:
    if name in found:
        raise ConfigurationError(f"two adapters are called {name!r}: {found[name]!r} and {adapter!r}")
    found[name] = adapter


def _concrete(group: str, base: type) -> Iterator[Any]:
    for module in _modules(group):
        for _, member in inspect.getmembers(module, inspect.isclass):
            if (
                issubclass(member, base)
                and not inspect.isabstract(member)
                and member.__module__ == module.__name__
            ):
                yield member


def _modules(group: str) -> Iterator[ModuleType]:
    for point in sorted(entry_points(group=group)):
        module = importlib.import_module(point.value)
        yield module
        for child in pkgutil.iter_modules(getattr(module, "__path__", ())):
            yield importlib.import_module(f"{module.__name__}.{child.name}")
