"""Names of members that look as if a secret stood there: for warnings, since an event should hold none.

A name is judged by its words, in camelCase, snake_case or hyphens alike. Values are neither judged nor shown.
"""

from __future__ import annotations

import re
from itertools import pairwise

from gateway.domain.errors import pointer_token
from gateway.domain.view import Json, Missing

MAX_TOLD = 20
MAX_LOOKED_AT = 10_000
"""Values of one event that are looked at."""
MAX_NAME = 100

_words = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+").findall
_TELLING = frozenset(
    {"password", "passwd", "passphrase", "pwd", "secret", "credential", "credentials", "apikey"}
)
_PAIRS = frozenset(
    (first, second)
    for first in ("api", "access", "auth", "bearer", "private", "secret", "session", "refresh")
    for second in ("key", "token")
)
_ALONE = frozenset({"token", "authorization"})


def secret_looking(payload: Json | Missing) -> tuple[str, ...]:
    """Where members of a payload look secret and hold a text, MAX_TOLD places at most: JSON pointers,
    with `*` for every element of a list, as the `mask` of a source takes them."""
    found: dict[str, None] = {}
    waiting: list[tuple[str, Json]] = [] if isinstance(payload, Missing) else [("", payload)]
    for _ in range(MAX_LOOKED_AT):
        if not waiting or len(found) == MAX_TOLD:
            break
        place, value = waiting.pop()
        if isinstance(value, dict):
            for name, inside in value.items():
                below = f"{place}/{pointer_token(name[:MAX_NAME])}"
                if isinstance(inside, str) and inside.strip("*") and looks_secret(name):
                    found[below] = None
                elif isinstance(inside, dict | list):
                    waiting.append((below, inside))
        elif isinstance(value, list):
            waiting += [(f"{place}/*", inside) for inside in value if isinstance(inside, dict | list)]
    return tuple(found)[:MAX_TOLD]


def looks_secret(name: str) -> bool:
    """Whether a name says that a secret stands there: `dbPassword`, `api_key`, `Authorization`."""
    words = [word.lower() for word in _words(name[:MAX_NAME])]
    if len(words) == 1 and words[0] in _ALONE:
        return True
    return not _TELLING.isdisjoint(words) or not _PAIRS.isdisjoint(pairwise(words))
