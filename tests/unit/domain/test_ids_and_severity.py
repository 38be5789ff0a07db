"""Identifiers, and the scale of severities."""

import uuid

import pytest

from gateway.domain.ids import new_id
from gateway.domain.severity import Severity, from_ibm, from_number, from_word


def test_an_id_is_a_uuid_of_version_7_that_sorts_by_time():
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all(uuid.UUID(one).version == 7 and uuid.UUID(one).variant == uuid.RFC_4122 for one in ids)
    assert [one[:13] for one in ids] == sorted(one[:13] for one in ids)


def test_severities_are_ordered():
    assert Severity.INFO < Severity.NOTICE < Severity.WARNING < Severity.ERROR < Severity.CRITICAL


@pytest.mark.parametrize(
    ("word", "severity"),
    [("Error", Severity.ERROR), (" WARN ", Severity.WARNING), ("fatal", Severity.CRITICAL), ("blue", None)],
)
def test_words_of_common_scales_are_known(word, severity):
    assert from_word(word) is severity


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("LOW", Severity.INFO),
        ("medium", Severity.WARNING),
        ("High", Severity.ERROR),
        ("critical", Severity.CRITICAL),
    ],
)
def test_ibms_scale_is_table_2_of_its_documents(word, severity):
    assert from_ibm(word) is severity


@pytest.mark.parametrize(
    ("number", "severity"),
    [
        (0, None),
        (1, Severity.INFO),
        (9, Severity.INFO),
        (10, Severity.NOTICE),
        (13, Severity.WARNING),
        (17, Severity.ERROR),
        (21, Severity.CRITICAL),
        (24, Severity.CRITICAL),
        (25, None),
    ],
)
def test_numbers_are_opentelemetrys(number, severity):
    assert from_number(number) is severity
