"""The demo from the first process to the last word, within a minute, cleaned up whatever happens."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from gateway.cli.client import Client
from gateway.cli.demo import verdict
from gateway.cli.demo.process import GatewayProcess
from gateway.cli.demo.receivers import Arrivals, Receivers
from gateway.cli.demo.report import WIDTH, Report
from gateway.cli.demo.story import Sent, send_all, set_up
from gateway.domain.clock import SystemClock

LIMIT_SECONDS = 60.0
ARRIVAL_SECONDS = 30.0
POLL_SECONDS = 0.05


async def perform(folder: Path) -> int:
    """Returns the exit code. Raises Refused or Unreachable where the gateway does not do its part."""
    report = Report(Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False))
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            return await _perform(report, folder)
    except TimeoutError:
        report.verdict([f"the demo did not end within {LIMIT_SECONDS:g} s"], [], LIMIT_SECONDS)
        return 1


async def _perform(report: Report, folder: Path) -> int:
    clock = SystemClock()
    began = clock.monotonic()
    receivers, gateway = Receivers(clock), GatewayProcess(folder)
    async with receivers.running():
        report.step(f"a mail server on port {receivers.mail_port}, a web server on port {receivers.web_port}")
        async with gateway.running():
            client = Client(gateway.place)
            report.step(f"a gateway on {client.place.url}, its store in {gateway.data}")
            stage, source_id = await asyncio.to_thread(set_up, client, receivers)
            report.step("IBM Cloud Backup for VPC is registered; a topic, three destinations, who is told")
            sent, wrong = await asyncio.to_thread(send_all, stage.sender, source_id, clock)
            report.step(f"{len(sent)} events sent, one of them twice: accepted, so they are on disk")
            await _wait(client, sent, receivers.arrivals, report)
            found = await asyncio.to_thread(verdict.results, client, stage, sent, receivers.arrivals)
        report.step(f"the gateway has ended with exit code {gateway.exit_code}")
    # Judged only now: after the gateway has ended nothing more can come.
    wrong += verdict.missing(sent, found, receivers.arrivals)
    if gateway.exit_code != 0:
        wrong.append(f"the gateway ended with exit code {gateway.exit_code}:\n{gateway.last_lines()}")
    report.everything(sent, found)
    report.verdict(wrong, found, clock.monotonic() - began)
    return 1 if wrong else 0


async def _wait(client: Client, sent: Sequence[Sent], arrivals: Arrivals, report: Report) -> None:
    """Until every delivery has ended, for ARRIVAL_SECONDS at most; what is delivered is counted by then."""
    total = verdict.expected(sent)
    try:
        async with asyncio.timeout(ARRIVAL_SECONDS):
            with report.waiting(total) as progress:
                while not await asyncio.to_thread(verdict.settled, client, sent):
                    progress(arrivals.count)
                    await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        report.step(f"{arrivals.count} of {total} arrived within {ARRIVAL_SECONDS:g} s")
