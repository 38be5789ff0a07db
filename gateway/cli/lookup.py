"""Names in place of ids: whatever a command is told by name is looked up here."""

from __future__ import annotations

import re
from difflib import get_close_matches

from gateway.cli.client import Client, segment
from gateway.domain.errors import NotFound, Refused

_is_id = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(:[a-z]+)?\Z", re.IGNORECASE).match

PREDEFINED = "pre_defined_templates"
OWN_SOURCE = "io.tocsin"
"""The gateway itself: a source of every instance, in no list of theirs."""

SINGULAR = {
    "monitors": "monitor",
    "sources": "source",
    "topics": "topic",
    "destinations": "destination",
    "subscriptions": "subscription",
    "schemas": "schema",
    "templates": "template",
}


def id_of(client: Client, noun: str, name: str) -> str:
    """The id of the one thing of that name; an id is taken as it is. `noun` is in the plural, as in the API.

    Raises NotFound, or Refused where several bear the name.
    """
    if _is_id(name) or name == OWN_SOURCE:
        return name
    found = [row["id"] for row in client.every(noun, name) if row["name"] == name]
    if len(found) == 1:
        return str(found[0])
    word = SINGULAR[noun]
    if found:
        detail = f"{len(found)} {noun} are called {name!r}"
        raise Refused("name_ambiguous", detail, expected=" or ".join(found))
    close = get_close_matches(name, [row["name"] for row in client.every(noun)], n=1)
    raise NotFound(
        f"{word}_not_found",
        f"there is no {word} called {name!r}",
        expected=f"{close[0]!r}?" if close else f"a name or id that `tocsin {word} list` shows",
    )


def template_id(client: Client, name: str) -> str:
    """The id of a template by its name; an id is taken as it is, and so is a preset's.

    Raises NotFound, or Refused where several bear the name.
    """
    presets = () if _is_id(name) else client.get(PREDEFINED, limit=100)["templates"]
    return name if any(row["id"] == name for row in presets) else id_of(client, "templates", name)


def path_of(client: Client, noun: str, name: str) -> str:
    """The path of one thing below its instance."""
    return f"{noun}/{segment(id_of(client, noun, name))}"
