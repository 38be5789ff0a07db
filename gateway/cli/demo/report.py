"""What the demo prints: progress, the table, the mail and the webhook as received, and the verdict."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from email.message import EmailMessage

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from gateway.cli.demo.story import KINDS, RULE, Sent
from gateway.cli.demo.verdict import Result, documented_mail, text_of
from gateway.cli.listening.receiver import Received
from gateway.cli.screen import safe

WIDTH = 110
"""Columns where no terminal says how many there are."""


CELL = len("delivered 1000 ms")


class Report:
    """The demo's voice."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def step(self, text: str) -> None:
        """Say what has been done."""
        self._console.print(Text.assemble(("• ", "bold cyan"), safe(text)))

    @contextmanager
    def waiting(self, total: int) -> Iterator[Callable[[int], None]]:
        """Show how much of `total` has arrived, on a terminal."""
        with self._console.status("") as status:
            yield lambda count: status.update(f"arrived: {count} of {total}")

    def everything(self, sent: Sequence[Sent], found: Sequence[Result]) -> None:
        """The table of all deliveries, IBM's mail and a webhook."""
        self._table(sent, found)
        mail = documented_mail(found)
        if mail is not None:
            self._mail(mail)
        webhooks = [result.arrival for result in found if result.kind == "webhook" and result.arrival]
        if webhooks:
            self._webhook(webhooks[0].content)

    def _table(self, sent: Sequence[Sent], found: Sequence[Result]) -> None:
        """A line for each event: what became of it at each destination, and after how long."""
        table = Table(
            title=f"Topic: {RULE}", title_justify="left", title_style="dim", box=None, padding=(0, 2, 0, 0)
        )
        table.add_column("event", overflow="fold")
        for kind in KINDS:
            table.add_column(f"→ {kind}", no_wrap=True, min_width=CELL)
        for one in sent:
            rows = [[row for row in found if row.sent is one and row.kind == kind] for kind in KINDS]
            cells = [_cell(row) for row in rows]
            if not one.act.told and not any(rows):
                cells = [Text("in the inbox only", style="dim")]
            table.add_row(Text(safe(one.act.label)), *cells)
        self._console.print(table)

    def _mail(self, mail: EmailMessage) -> None:
        names = ("From", "To", "Subject", "Message-ID")
        lines = [f"{name}: {mail[name]}" for name in names]
        content = "\n".join([*lines, "", text_of(mail).rstrip()])
        self._panel("the mail, as the mail server got it", content)

    def _webhook(self, received: Received) -> None:
        checked = "verified" if received.verified else "NOT VERIFIED"
        lines = (
            f"webhook-id: {received.webhook_id}",
            f"webhook-signature: {received.signature}   ({checked})",
            "",
            json.dumps(json.loads(received.body), indent=2, ensure_ascii=False),
        )
        self._panel("a webhook, as the web server got it", "\n".join(lines))

    def verdict(self, wrong: Sequence[str], found: Sequence[Result], seconds: float) -> None:
        """The last word."""
        for fault in wrong:
            self._console.print(Text.assemble(("✗ ", "bold red"), safe(fault)))
        if wrong:
            self._console.print(Text("Not everything arrived as it should.", style="bold red"))
            return
        latencies = sorted(result.latency for result in found if result.latency is not None)
        median = latencies[len(latencies) // 2] * 1000 if latencies else 0.0
        self._console.print(
            Text.assemble(
                ("✓ ", "bold green"),
                f"{len(found)} deliveries, each arrived once and nothing else did; "
                f"half of them within {median:.0f} ms of being sent; {seconds:.0f} s in all.",
            )
        )

    def _panel(self, title: str, content: str) -> None:
        self._console.print(Panel(Text(safe(content)), title=title, title_align="left", border_style="dim"))


def _cell(rows: Sequence[Result]) -> Text:
    if not rows:
        return Text("")
    if len(rows) > 1:
        return Text(f"{len(rows)} deliveries", style="red")
    row = rows[0]
    state = str(row.delivery["state"])
    if row.latency is None:
        return Text(f"{state}, not received", style="red")
    return Text(f"{state} {row.latency * 1000:4.0f} ms", style="green" if state == "delivered" else "red")
