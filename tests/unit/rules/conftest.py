"""Events as rules see them, written in a line."""

from collections import Counter

import pytest

from gateway.domain.event import Event
from gateway.domain.severity import Severity
from gateway.domain.view import MISSING, EventView
from gateway.domain.vocabulary import Vocabulary
from gateway.rules.compile import compile_rule
from gateway.rules.expression import parse_expression
from gateway.rules.ibm import parse_ibm


def _view(*, data=MISSING, words=None, **attributes):
    words = dict(words or {})
    if isinstance(words.get("severity"), str):
        words["severity"] = Severity[words["severity"].upper()]
    required = {"specversion": "1.0", "id": "e-1", "source": "/backup/one", "type": "backup.failed"}
    return EventView(Event({**required, **attributes}), Vocabulary(**words), data)


@pytest.fixture(scope="session")
def view():
    """An event: attributes by keyword, the vocabulary as `words`, the parsed data as `data`."""
    return _view


@pytest.fixture(scope="session")
def holds():
    """Whether a rule in the expression dialect matches an event."""
    return lambda text, **event: compile_rule(parse_expression(text))(_view(**event))


@pytest.fixture(scope="session")
def ibm_holds():
    """Whether a filter in IBM's dialect matches an event."""
    return lambda text, **event: compile_rule(parse_ibm(text))(_view(**event))


class ProblemCount:
    """A listener that counts failed evaluations by code (`path_too_wide`, `glob_too_costly`, ...)."""

    def __init__(self):
        self.by_code = Counter()

    def __call__(self, code):
        self.by_code[code] += 1

    @property
    def total(self):
        return self.by_code.total()


@pytest.fixture
def problems():
    return ProblemCount()
