"""The reason of a delivery's state, as people say it."""

from __future__ import annotations

_SAID = {
    "digest": "for the next digest",
    "quiet_hours": "during quiet hours",
    "grouped": "to be told with others like it",
    "rate_limited": "by the rate limit",
    "destination_disabled": "while its destination is disabled",
    "first_died": "in place of one like it that is a dead letter",
}
_SAID_OF = {
    "duplicate_of": "as a duplicate of delivery",
    "folded_into": "into delivery",
    "silenced_by": "by silence",
    "same_target": "because the same place is told by delivery",
}


def said(reason: str) -> str:
    """A reason in words; what is not known here is shown as it is."""
    name, _, other = reason.partition(":")
    if name in _SAID_OF and other:
        return f"{_SAID_OF[name]} {other}"
    return _SAID.get(reason, f"because of {reason}")
