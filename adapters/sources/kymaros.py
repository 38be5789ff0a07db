"""Kymaros: results of restore tests, as documented and as the running code sends them.

Reference: kymaroshq/kymaros, internal/notify. The
page names `testName` and PASSED, FAILED, REGRESSION; the code sends `TestName` and pass, fail, partial, and
a regression only as a message, `Score regression: 85 → 71 (-14 points)`. No id, no time, no header of its
own: the URL has to carry the credential. A test that could not run has score 0 and no report; it is sent
once, so each is new.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from gateway.domain.severity import Severity
from gateway.domain.source import Source
from gateway.domain.vocabulary import Outcome, Vocabulary
from gateway.spi import foreign
from gateway.spi.cloudevents.meaning import MAX_TITLE, outcome_of_word, spellings
from gateway.spi.source_format import Credential, Decoded, SourceFormat

REGRESSION = "regression"

_is_regression = re.compile(r"\s*Score regression\b", re.IGNORECASE).match
_ENDINGS = {Outcome.OK: "passed", Outcome.FAILED: "failed", Outcome.PARTIAL: "partial"}


class Kymaros(SourceFormat):
    """The webhook notifications of Kymaros."""

    name = "kymaros"
    title = "Kymaros"
    summary = "Restore tests of Kymaros, by its webhook type; its Slack type posts to `/slack` below."
    schema = "sources/kymaros"
    credential = Credential.URL
    snippet = """\
kubectl create secret generic tocsin --from-literal=url=$url --namespace kymaros-system

spec:
  notifications:
    onFailure:
      - type: webhook
        webhookSecretRef: {name: tocsin, namespace: kymaros-system}
    onSuccess:
      - type: webhook
        webhookSecretRef: {name: tocsin, namespace: kymaros-system}"""

    def parse(self, body: bytes, headers: Mapping[str, str], source: Source | None) -> Sequence[Decoded]:
        """One event. Raises Malformed for a body without a test's name or a result."""
        sent = foreign.read_object(body)
        members = foreign.folded(sent.members)
        test, result = foreign.text(members, "testname"), foreign.text(members, "result")
        if test is None or result is None:
            raise foreign.unrecognised("Kymaros", "an object with `testName` and `result`")
        message, report = foreign.prose(members, "message"), foreign.text(members, "reportref")
        ending, words = _meaning(test, result, message, members.get("score"))
        occurrence = "" if report else headers.get(foreign.RECEIPT, "")
        made = foreign.event_of(
            self.name,
            source,
            sent,
            type=f"restore-test.{ending}",
            id=foreign.fingerprint(test, report, result, message, occurrence),
            words=replace(words, task_id=report),
            subject=test,
        )
        return (made,)


def _meaning(test: str, result: str, message: str | None, score: object) -> tuple[str, Vocabulary]:
    """How the type ends, and the words. A regression of a test that failed as well stays an error."""
    regressed = result.lower() == REGRESSION or bool(message and _is_regression(message))
    outcome = outcome_of_word(result) or (Outcome.WARNING if regressed else None)
    ending = REGRESSION if regressed else _ENDINGS.get(outcome, "reported") if outcome else "reported"
    if regressed and outcome is Outcome.OK:
        outcome = Outcome.WARNING
    points = f"{score}/100" if isinstance(score, int) and not isinstance(score, bool) else ""
    title = f"Restore test {ending}: {test}" + (f" ({points})" if len(points) in range(1, 8) else "")
    return ending, Vocabulary(
        severity=foreign.SEVERITIES[outcome] if outcome else Severity.NOTICE,
        outcome=outcome,
        title=foreign.attribute(title, MAX_TITLE),
        summary=message,
        resource=test,
        resources=spellings(test),
        job=test,
    )
