"""Pings: one request at the start and the end of anything, in the manner of healthchecks.io.

Reference: healthchecks http_api.md (facts: destinations 38, 43). `HEAD`, `GET` or `POST` of a URL is
success, `/start`, `/fail`, `/log` and `/<exit code>` below it say the rest; a body is kept as the log.
`rid` in the query pairs a start with its end and makes a retry known; `job` names what the ping is of, else
the source's name does. restic's exit code 3 means an incomplete backup: `partial` in the options lists such
codes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl, urlencode

import orjson
from pydantic import Field

from gateway.domain.errors import Malformed
from gateway.domain.event import Event
from gateway.domain.severity import Severity
from gateway.domain.source import Source
from gateway.domain.view import Json
from gateway.domain.vocabulary import Outcome, Vocabulary
from gateway.spi import foreign
from gateway.spi.cloudevents.meaning import MAX_TITLE, block
from gateway.spi.cloudevents.payload import payload
from gateway.spi.source_format import Credential, Decoded, FormatOptions, SourceFormat

MAX_TAIL = 2000
"""Characters of the end of a log that become the summary: what went wrong stands last."""

_is_code = re.compile(r"[0-9]{1,3}").fullmatch
_STATES: Mapping[str, tuple[str, Outcome | None]] = {
    "": ("completed", Outcome.OK),
    "start": ("started", Outcome.STARTED),
    "fail": ("failed", Outcome.FAILED),
    "log": ("logged", None),
}


class PingOptions(FormatOptions):
    """What exit codes mean."""

    partial: list[int] = Field(
        [],
        max_length=255,
        title="Partial",
        description="Exit codes of work that was done in part; restic: 3.",
    )


class Ping(SourceFormat):
    """Pings."""

    name = "ping"
    title = "Pings"
    summary = "One line in a script or a cron table: start, end and exit code of a job, with its log."
    schema = "sources/ping"
    credential = Credential.URL
    Options = PingOptions
    snippet = """\
# cron, or any script:
0 3 * * *  backup.sh; curl -fsS -m 10 --retry 3 $url/$$?

# restic, with the end of its output as the log:
restic backup /srv 2>&1 | tail -c 10000 > /tmp/restic.log; \\
  curl -fsS -m 10 --retry 3 --data-binary @/tmp/restic.log $url/$${PIPESTATUS[0]}

# borgmatic:
healthchecks:
    ping_url: $url"""

    def parse(self, body: bytes, headers: Mapping[str, str], source: Source | None) -> Sequence[Decoded]:
        """One event. Raises Malformed for what is no request to a URL of the source."""
        tail = headers.get(foreign.PATH)
        if tail is None:
            raise Malformed(
                "ping_without_path", "a ping says by its path what happened", expected="/in/<token>/fail"
            )
        query = dict(parse_qsl(headers.get(foreign.QUERY, ""), max_num_fields=100, errors="replace"))
        state, outcome, code = _said(tail.strip("/"), source)
        job = foreign.attribute(query.get("job", "")) or (foreign.attribute(source.name) if source else "")
        log, rid = body.decode("utf-8", "replace"), foreign.attribute(query.get("rid", ""), 100)
        told = _told(state, code, log, rid, headers)
        made = foreign.event_of(
            self.name,
            source,
            foreign.Body(orjson.dumps(told), told),
            type=f"ping.{state}",
            id=foreign.fingerprint(rid or headers.get(foreign.RECEIPT, ""), tail, bool(rid), job),
            words=_words(state, outcome, code, job, log, rid),
            subject=job or None,
        )
        return (made,)

    def request_of(self, event: Event, headers: Mapping[str, str]) -> tuple[bytes, Mapping[str, str]]:
        """The request that says what stands in the data."""
        sent = payload(event)
        told = sent if isinstance(sent, dict) else {}
        state = event.type.removeprefix("ping.")
        tail = next((word for word, (known, _) in _STATES.items() if known == state), "")
        asked = {"job": event.text("subject") or "", "rid": str(told.get("rid", ""))}
        again = {
            foreign.PATH: headers.get(foreign.PATH, str(told.get("exit_code", tail))),
            foreign.QUERY: urlencode(asked),
            "user-agent": str(told.get("user_agent", "")),
        }
        return str(told.get("log", "")).encode(), {**headers, **again}


def _said(word: str, source: Source | None) -> tuple[str, Outcome | None, int | None]:
    """The state, the outcome and the exit code that a path says."""
    if _is_code(word) and (code := int(word)) <= 255:
        if code and code in _partial(source):
            return "completed", Outcome.PARTIAL, code
        return (*_STATES["fail" if code else ""], code)
    if word not in _STATES:
        raise Malformed(
            "ping_unknown", "this path says nothing", expected="/start, /fail, /log, an exit code of 0 to 255"
        )
    return (*_STATES[word], None)


def _partial(source: Source | None) -> Sequence[Json]:
    codes = source.options.get("partial") if source else None
    return codes if isinstance(codes, list) else []


def _told(state: str, code: int | None, log: str, rid: str, headers: Mapping[str, str]) -> dict[str, Json]:
    """The data: a ping has no payload of its own but the log."""
    told: dict[str, Json] = {"state": state}
    if code is not None:
        told["exit_code"] = code
    if rid:
        told["rid"] = rid
    if agent := foreign.attribute(headers.get("user-agent", ""), 200):
        told["user_agent"] = agent
    return told | ({"log": log} if log else {})


def _words(state: str, outcome: Outcome | None, code: int | None, job: str, log: str, rid: str) -> Vocabulary:
    title = f"{job or 'Ping'}: {outcome.value if outcome is Outcome.PARTIAL else state}"
    return Vocabulary(
        severity=foreign.SEVERITIES[outcome] if outcome else Severity.INFO,
        outcome=outcome,
        title=foreign.attribute(title + (f" (exit code {code})" if code else ""), MAX_TITLE),
        summary=block(log[-MAX_TAIL:]) or None,
        job=job or None,
        task_id=rid or None,
    )
