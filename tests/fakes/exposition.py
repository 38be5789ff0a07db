"""What a Pushgateway reads of a request: the group in its path, and gauges by Prometheus' own parser."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from urllib.parse import unquote

from prometheus_client.parser import text_string_to_metric_families

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def gauges_of(text: str) -> dict[str, float]:
    """Gauges without labels by name; what a Pushgateway refuses fails the test."""
    assert text.endswith("\n")
    families = list(text_string_to_metric_families(text))
    samples = [sample for family in families for sample in family.samples]
    assert {family.type for family in families} <= {"gauge"}
    assert all(not sample.labels and sample.timestamp is None for sample in samples)
    assert len({sample.name for sample in samples}) == len(samples)
    return {sample.name: sample.value for sample in samples}


def grouping_of(target: str) -> dict[str, str]:
    """The labels in `/metrics/job/...` (README of prometheus/pushgateway, "Grouping key")."""
    place, _, rest = target.partition("/metrics/")
    parts = rest.split("/")
    assert not place and len(parts) % 2 == 0 and parts[0] in ("job", "job@base64"), target
    labels = [_label(*pair) for pair in zip(parts[::2], parts[1::2], strict=True)]
    assert len(dict(labels)) == len(labels)
    return dict(labels)


def _label(name: str, value: str) -> tuple[str, str]:
    name, encoded, _ = name.partition("@base64")
    assert _NAME.fullmatch(name), name
    text = urlsafe_b64decode(value).decode() if encoded else unquote(value)
    assert text, f"{name} is empty"
    assert encoded or text not in (".", ".."), "a server would take it for a folder"
    return name, text
