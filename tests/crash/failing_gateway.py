"""The gateway, with one function of it replaced by one that kills the process: for tests only.

python -m tests.crash.failing_gateway STEP ARMED REPORT PYTHON -m gateway serve ...

So it stands before the command that starts a gateway, which it then is itself. Nothing is killed
until the file ARMED is there; where it strikes is told in the file REPORT, in one line a kill.
The production code knows nothing of this: the steps below are the names of its own functions.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

POISON = "poison"
"""Events whose id begins with this are deadly at the step `while_sending`."""

ALONE_SECONDS = 0.05
"""How long a poisonous delivery lets others begin before it strikes."""


@dataclass(frozen=True)
class Step:
    """A function by module and name, and whether the process dies before it or after it.

    With `on_result` only a call that returned something counts.
    """

    place: str
    name: str
    after: bool = True
    on_result: bool = False


STEPS = {
    "after_parse": Step("gateway.pipeline.flow", "decode"),
    "before_commit": Step("gateway.storage.sqlite.ledger", "write_appends"),
    "after_commit_before_answer": Step("gateway.storage.sqlite.ledger:SqliteLedger", "append"),
    "after_hand_over_before_send": Step("gateway.pipeline.flow", "send", after=False),
    "after_send_before_settle": Step("gateway.pipeline.flow", "send"),
    "mid_settle": Step("gateway.storage.sqlite.ledger", "write_settles"),
    "after_settle": Step("gateway.storage.sqlite.ledger:SqliteLedger", "settle"),
    "before_fold": Step("gateway.storage.sqlite.holds:SqliteHolds", "fold", after=False),
    "mid_fold": Step("gateway.storage.sqlite.holds", "_fold_held"),
    "after_fold": Step("gateway.storage.sqlite.holds:SqliteHolds", "fold"),
    "after_claim": Step("gateway.storage.sqlite.ledger:SqliteLedger", "claim", on_result=True),
}


class Killer:
    """Ends this process as kill -9 does, once it is armed."""

    def __init__(self, armed: Path, report: Path) -> None:
        self._armed, self._report = armed, report

    def strike(self, why: str) -> None:
        if self._armed.exists():
            with self._report.open("a") as report:
                report.write(why + "\n")
            os.kill(os.getpid(), signal.SIGKILL)


def patch(step: str, killer: Killer) -> None:
    """Put the deadly function in the place of the real one."""
    if step == "while_sending":
        owner, name = import_module("gateway.pipeline.flow"), "send"
        replacement = _poisonous(owner.send, killer)
    else:
        chosen = STEPS[step]
        module, _, class_name = chosen.place.partition(":")
        owner, name = import_module(module), chosen.name
        owner = getattr(owner, class_name) if class_name else owner
        replacement = _deadly(getattr(owner, name), chosen, lambda: killer.strike(step))
    setattr(owner, name, replacement)


def _deadly(real: Callable[..., Any], step: Step, strike: Callable[[], None]) -> Callable[..., Any]:
    def ended(result: Any) -> Any:
        if step.after and (result or not step.on_result):
            strike()
        return result

    def before() -> None:
        if not step.after:
            strike()

    def plain(*args: Any, **named: Any) -> Any:
        before()
        return ended(real(*args, **named))

    async def awaited(*args: Any, **named: Any) -> Any:
        before()
        return ended(await real(*args, **named))

    return awaited if asyncio.iscoroutinefunction(real) else plain


def _poisonous(real: Callable[..., Any], killer: Killer) -> Callable[..., Any]:
    """Like the real `send`, but deadly for poison, telling how many others were being sent."""
    others = 0

    async def send(channels: Any, destination: Any, address: Any, message: Any, clock: Any) -> Any:
        nonlocal others
        if message.event.id.startswith(POISON):
            await asyncio.sleep(ALONE_SECONDS)
            killer.strike(f"{message.event.id} {others}")
        others += 1
        try:
            return await real(channels, destination, address, message, clock)
        finally:
            others -= 1

    return send


def main() -> None:
    """Patch, then be `python -m gateway` with the arguments that follow."""
    step, armed, report, _python, _dash_m, _gateway, *arguments = sys.argv[1:]
    patch(step, Killer(Path(armed), Path(report)))
    sys.argv = ["gateway", *arguments]
    import_module("gateway.__main__").main()


if __name__ == "__main__":
    main()
