"""What `tocsin send` makes of its options before anything goes out."""

import pytest

from gateway.cli.send import Attributes
from gateway.domain.errors import ConfigurationError


def test_a_severity_in_any_common_word_is_sent_as_it_was_said():
    assert Attributes(severity="Crit").all("a")["severity"] == "Crit"
    assert Attributes().all("a")["severity"] is None


def test_a_severity_that_nobody_would_understand_is_refused():
    with pytest.raises(ConfigurationError, match="'wrong' is none of info, notice, warning, error, critical"):
        Attributes(severity="wrong").all("a")
