"""What a node's keys are recognised by, without telling them: nodes that share a store share their keys."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Keyprint:
    """`operator` stands for the operator's key, `masters` for the master keys, the first of which seals."""

    operator: str
    masters: tuple[str, ...]

    @classmethod
    def of(cls, operator_digest: str, master_ids: Sequence[str]) -> Self:
        """Of a key's digest and the ids of master keys."""
        return cls(_mark(operator_digest), tuple(_mark(one) for one in master_ids))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` wrote."""
        operator, *masters = text.split()
        return cls(operator, tuple(masters))

    def __str__(self) -> str:
        return " ".join((self.operator, *self.masters))

    def objection(self, other: Self) -> str:
        """Which setting has to be made equal before two nodes can work together; '' when they can.

        Each must know the master key that the other seals with.
        """
        if self.operator != other.operator:
            return "TOCSIN_ADMIN_KEY"
        if self.masters[0] not in other.masters or other.masters[0] not in self.masters:
            return "TOCSIN_SECRET_KEY"
        return ""


def _mark(text: str) -> str:
    return hashlib.sha256(f"tocsin keyprint {text}".encode()).hexdigest()[:16]
