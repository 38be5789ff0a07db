"""Microsoft Teams: what arrives is held to the schema of Adaptive Cards and to the size that Teams takes."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from gateway.spi.outcome import Reason
from tests.contracts.rigs.http import HttpRig
from tests.contracts.rigs.rig import Case, Said
from tests.fakes.http_sink import Reply
from tests.fakes.teams_rules import problems, shown, texts

HIDDEN = b"Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error %d"
SWITCHED_OFF = b'{"error":{"code":"WorkflowTriggerIsNotEnabled","message":"The trigger is not enabled."}}'


class TeamsRig(HttpRig):
    name = "msteams"
    path = "/workflows/0a1b/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers&sig=s3cret_sig-1"
    ok = Reply(202, body=b"")
    cases: ClassVar[dict[str, Case]] = {
        **HttpRig.cases,
        "not_found": Case(Reply(404), Reason.MISCONFIGURED),
        "switched_off": Case(Reply(400, body=SWITCHED_OFF), Reason.MISCONFIGURED),
        "hidden_throttle": Case(Reply(200, body=HIDDEN % 429), Reason.THROTTLED),
        "hidden_refusal": Case(Reply(200, body=HIDDEN % 413), Reason.REJECTED),
        "hidden_outage": Case(Reply(200, body=HIDDEN % 503), Reason.UNAVAILABLE),
    }

    def _settings(self) -> dict[str, Any]:
        return {"url": self.sink.url(self.path), **self.settings}

    @property
    def ids(self) -> list[str]:
        # Teams has no place for an id: what is the same on each try is the message.
        return [str(hash(request.body)) for request in self.sink.requests]

    def said(self) -> Said:
        request = self.sink.requests[-1]
        assert request.target == self.path
        assert problems(request.body) == []
        card = json.loads(request.body)["attachments"][0]["content"]
        title, *rest = map(shown, texts(card))
        buttons = [f"{action['title']} {action.get('url')}" for action in card["actions"]]
        return Said(title, "\n".join([*rest, *buttons]))
