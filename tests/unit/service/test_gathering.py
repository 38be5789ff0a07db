"""What one message tells of many deliveries."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.noise import Digest, NoiseInForce, RateLimit
from gateway.domain.severity import Severity
from gateway.domain.vocabulary import Outcome
from gateway.pipeline.noise import DIGEST, RATE_LIMITED
from gateway.ports import HeldDelivery
from gateway.service.folding import Fold, fold_entry
from gateway.service.gathering import DigestMemory, Gathered
from gateway.spi.cloudevents.payload import payload
from gateway.spi.digest import SHOWN_LINES, digest_lines
from tests.fakes.digests import END, SUBSCRIPTION, held

OUTCOMES = [None, Outcome.OK, Outcome.FAILED, Outcome.WARNING, Outcome.STARTED]
things = st.lists(
    st.tuples(st.sampled_from(Severity), st.sampled_from(OUTCOMES), st.sampled_from("abc")), max_size=30
)


def rows(given_: list[tuple[Severity, Outcome | None, str]], start: int = 1) -> list[HeldDelivery]:
    return [
        held(number, severity, outcome, f"about {name}", name)
        for number, (severity, outcome, name) in enumerate(given_, start)
    ]


def gathered(deliveries: list[HeldDelivery]) -> Gathered:
    made = Gathered()
    made.take(deliveries)
    return made


def fold_of(made: Gathered, reason: str = DIGEST, recipient: str = "") -> Fold:
    policy = NoiseInForce(digest=Digest(), rate_limit=RateLimit())
    return Fold(SUBSCRIPTION, "topic", recipient, reason, policy, END - 86_400, END, made)


@given(things)
def test_everything_is_counted_and_the_worst_is_first(given_):
    made = gathered(rows(given_))
    assert made.total == made.number == len(given_)
    assert made.severities == Counter(severity.word for severity, _, _ in given_)
    assert made.outcomes == Counter(outcome.value for _, outcome, _ in given_ if outcome)
    shown = [Severity[item.severity.upper()] for item in made.items]
    assert shown == sorted((severity for severity, _, _ in given_), reverse=True)
    assert made.worst == max([Severity.INFO, *shown])


def told(deliveries: list[HeldDelivery]) -> HeldDelivery:
    """A held digest of these deliveries."""
    entry = fold_entry(fold_of(gathered(deliveries), RATE_LIMITED), now=END, version=1)
    return HeldDelivery(1000 + len(deliveries), "digest", entry.accepted, END)


@given(things.filter(len), things)
def test_a_digest_that_is_folded_in_its_turn_tells_what_it_told(inner, outer):
    once = gathered(rows(inner + outer))
    twice = gathered([*rows(outer, start=len(inner) + 1), told(rows(inner))])
    assert (twice.total, twice.severities, twice.outcomes, twice.words, twice.worst) == (
        once.total,
        once.severities,
        once.outcomes,
        once.words,
        once.worst,
    )
    assert {item.event_id for item in twice.items} == {item.event_id for item in once.items}


@given(st.lists(things, max_size=5))
def test_changes_are_those_between_the_ends_of_two_digests(periods):
    """Against an oracle that remembers how each thing was last heard of."""
    memory, failing, number = DigestMemory(), set(), 1
    for given_ in periods:
        made = gathered(rows(given_, start=number))
        number += len(given_)
        last: dict[str, bool] = {}
        for severity, outcome, name in given_:
            if outcome is Outcome.OK:
                last[name] = False
            elif outcome in (Outcome.FAILED, Outcome.WARNING) or (
                outcome is None and severity >= Severity.WARNING
            ):
                last[name] = True
        changes = made.changes(memory)
        assert set(changes.newly_failing) == {name for name, fails in last.items() if fails} - failing
        assert set(changes.recovered) == {name for name, fails in last.items() if not fails} & failing
        assert set(changes.still_failing) == failing - set(changes.recovered)
        memory = DigestMemory.read(made.memory(memory, END).kept())
        failing = (failing - set(changes.recovered)) | set(changes.newly_failing)
        assert set(memory.failing.values()) == failing


def test_of_many_only_the_worst_are_shown_and_the_rest_are_counted():
    many = [(Severity.INFO, Outcome.OK, "a")] * 5000 + [(Severity.CRITICAL, Outcome.FAILED, "b")] * 3
    entry = fold_entry(fold_of(gathered(rows(many))), now=END, version=1)
    data = payload(entry.accepted.event)
    assert (data["total"], data["shown"]) == (5003, SHOWN_LINES)
    assert [item["severity"] for item in data["items"][:4]] == ["critical"] * 3 + ["info"]
    assert data["title"] == "5,003 events since yesterday 09:00: 3 failed, 5,000 ok"
    assert list(digest_lines(data))[-1] == f"and {5003 - SHOWN_LINES:,} more"


def test_the_id_follows_from_whom_it_is_for_and_what_is_first():
    one, same, other = (list(rows([(Severity.INFO, None, "a")], start=n)) for n in (1, 1, 2))
    ids = {
        fold_entry(fold_of(gathered(deliveries), recipient=recipient), now=now, version=1).accepted.event.id
        for deliveries, recipient, now in [
            (one, "a@b.example", 1.0),
            (same + other, "a@b.example", 2.0),
            (other, "a@b.example", 1.0),
            (one, "c@b.example", 1.0),
        ]
    }
    assert len(ids) == 3


def test_a_digest_of_nothing_says_so():
    entry = fold_entry(fold_of(gathered([])), now=END, version=1)
    assert entry.accepted.vocabulary.title == "Nothing happened since yesterday 09:00"
    assert DigestMemory.read(b"not json") == DigestMemory()
