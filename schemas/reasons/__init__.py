"""Why jobs of IBM Cloud Backup for VPC fail: `ibm-backup-for-vpc.json`, and how codes find their row in it.

IBM spells one code in several ways; whoever compares codes normalises them first.
An unknown code is no error: it has no row, and the caller flags it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from schemas import load

TABLE = "reasons/ibm-backup-for-vpc"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a job failed. `sentence` is for the `Reason:` line and `more_info` an https link, both for use
    where the sender gives none. `jobs` names the jobs that end with it, such as
    `volume-creation`."""

    code: str
    sentence: str
    more_info: str
    jobs: tuple[str, ...]


def reason(code: str) -> Reason | None:
    """The row of a code in any spelling, `code: text` included; None for a code that is not in the table."""
    return _rows().get(normalise(code))


def normalise(code: str) -> str:
    """The one spelling of a code: `Source_Volume_Busy: text` becomes `snapshot-source-volume-busy`.

    A code that is not in the table comes back folded in the same way, so that rules can name it.
    """
    folded = _fold(code)
    return _aliases().get(folded, folded)


def _fold(code: str) -> str:
    word = code.partition(":")[0].strip().lower().replace("_", "-")
    return "snapshot-" + word.removeprefix("snapshots-") if word.startswith("snapshots-") else word


@cache
def _rows() -> dict[str, Reason]:
    return {
        row["code"]: Reason(row["code"], row["sentence"], row["more_info"], tuple(row["jobs"]))
        for row in load(TABLE)["reasons"]
    }


@cache
def _aliases() -> dict[str, str]:
    return {_fold(spelling): row["code"] for row in load(TABLE)["reasons"] for spelling in row["spellings"]}
