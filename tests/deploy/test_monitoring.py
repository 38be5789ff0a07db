"""Alert rules and dashboard of `deploy/`: what they name exists, and alerts fire when they should.

Prometheus' own promtool is the judge of both.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from gateway.domain.delivery import State
from gateway.spi.outcome import Reason
from gateway.telemetry.metrics import Metrics
from tests.deploy.test_deploy import DEPLOY, program
from tests.docs import collected
from tests.docs.pages import ROOT, anchors

RULES = DEPLOY / "prometheus" / "rules.yaml"
DASHBOARD = DEPLOY / "grafana" / "tocsin.json"
ALERTS = {rule["alert"]: rule for rule in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]}
PANELS = [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]
EXPRESSIONS = [
    *(rule["expr"] for rule in ALERTS.values()),
    *(target["expr"] for panel in PANELS for target in panel["targets"]),
]

_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}


def _known() -> Iterator[tuple[str, set[str]]]:
    for metric in vars(Metrics()).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            for suffix in _SUFFIXES[family.type]:
                yield family.name + suffix, set(metric._labelnames)


KNOWN = dict(_known())
"""Every series that can be asked for, with its labels."""

_NODE = 'job="tocsin",instance="n1:8080"'
HEALTHY = {
    f"up{{{_NODE}}}": "1x1700",
    f"tocsin_events_accepted_total{{{_NODE}}}": "0+1x1700",
    f"tocsin_events_quarantined_total{{{_NODE}}}": "0x1700",
    f'tocsin_requests_refused_total{{{_NODE},code="unauthorized"}}': "0+0.01x1700",
    f'tocsin_accept_seconds_bucket{{{_NODE},le="0.1"}}': "0+1x1700",
    f'tocsin_accept_seconds_bucket{{{_NODE},le="5.0"}}': "0+1x1700",
    f'tocsin_accept_seconds_bucket{{{_NODE},le="+Inf"}}': "0+1x1700",
    f"tocsin_oldest_due_seconds{{{_NODE}}}": "3x1700",
    f'tocsin_deliveries{{{_NODE},state="dead"}}': "5x1700",
    f'tocsin_attempts_total{{{_NODE},kind="slack",reason=""}}': "0+9x1700",
    f'tocsin_attempts_total{{{_NODE},kind="slack",reason="unavailable"}}': "0+1x1700",
    f'tocsin_attempts_total{{{_NODE},kind="slack",reason="tls"}}': "0x1700",
    f"tocsin_registry_version{{{_NODE}}}": "7x1700",
    'tocsin_registry_version{job="tocsin",instance="n2:8080"}': "7x1700",
    f"tocsin_stale_settles_total{{{_NODE}}}": "0x1700",
    f"tocsin_lapsed_leases_total{{{_NODE}}}": "0x1700",
    f"tocsin_log_lines_dropped{{{_NODE}}}": "0x1700",
}
"""A gateway of two nodes for 28 hours, a value a minute, in promtool's notation."""

TROUBLE = {
    "TocsinDown": {f"up{{{_NODE}}}": "1x1600 0x100"},
    "TocsinMissing": {f"up{{{_NODE}}}": "_x1700"},
    "TocsinNothingReceived": {f"tocsin_events_accepted_total{{{_NODE}}}": "9x1700"},
    "TocsinStoreRefuses": {f'tocsin_requests_refused_total{{{_NODE},code="store_full"}}': "0+1x1700"},
    "TocsinSendersRefused": {f'tocsin_requests_refused_total{{{_NODE},code="unauthorized"}}': "0+9x1700"},
    "TocsinQuarantine": {f"tocsin_events_quarantined_total{{{_NODE}}}": "0x1670 1x30"},
    "TocsinAcceptSlow": {f'tocsin_accept_seconds_bucket{{{_NODE},le="0.1"}}': "0x1700"},
    "TocsinBehind": {f"tocsin_oldest_due_seconds{{{_NODE}}}": "0x1600 301+60x100"},
    "TocsinDeadLetters": {f'tocsin_deliveries{{{_NODE},state="dead"}}': "5x1670 6x30"},
    "TocsinDestinationFails": {
        f'tocsin_attempts_total{{{_NODE},kind="slack",reason="unavailable"}}': "0+20x1700"
    },
    "TocsinDestinationMisconfigured": {
        f'tocsin_attempts_total{{{_NODE},kind="slack",reason="tls"}}': "0x1670 1x30"
    },
    "TocsinConfigurationDiffers": {'tocsin_registry_version{job="tocsin",instance="n2:8080"}': "8x1700"},
    "TocsinLeasesLost": {f"tocsin_stale_settles_total{{{_NODE}}}": "0x1690 2x10"},
    "TocsinLogLinesDropped": {f"tocsin_log_lines_dropped{{{_NODE}}}": "0x1690 40x10"},
}
"""For each alert, what differs from that when it has to fire."""


def promtool(*arguments: str | Path) -> str:
    done = subprocess.run(
        [program("promtool"), *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def firing(tmp_path: Path, series: dict[str, str], alerts: list[str]) -> None:
    """Assert that these alerts fire at the end of the 28 hours, and no other."""
    scene = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "5m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "promql_expr_test": [
                    {
                        "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                        "eval_time": "1695m",
                        "exp_samples": [
                            {"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in alerts
                        ],
                    }
                ],
            }
        ],
    }
    path = tmp_path / "scene.yaml"
    path.write_text(yaml.safe_dump(scene))
    promtool("test", "rules", path)


def test_the_rules_are_valid():
    assert f"{len(ALERTS)} rules found" in promtool("check", "rules", RULES)


def test_nothing_fires_where_all_is_well(tmp_path):
    firing(tmp_path, HEALTHY, [])


def test_every_alert_is_tried():
    assert TROUBLE.keys() == ALERTS.keys()


@pytest.mark.parametrize("alert", TROUBLE)
def test_an_alert_fires_alone(alert, tmp_path):
    firing(tmp_path, HEALTHY | TROUBLE[alert], [alert])


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_metrics_and_labels_that_are_named_exist(expression):
    for name, matchers in re.findall(r"\b(tocsin_[a-z_]+)(?:\{([^}]*)\})?", expression):
        assert name in KNOWN, name
        named = set(re.findall(r"(\w+)(?:=|!=|=~|!~)\"", matchers))
        assert named <= KNOWN[name] | {"job", "instance", "le"}, name


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_values_of_labels_that_are_named_exist(expression):
    known = {"state": set(State), "reason": set(Reason) | {""}, "code": set(collected.answered())}
    for label, pattern in re.findall(r'\b(state|reason|code)(?:=|!=|=~|!~)"([^"]*)"', expression):
        for choice in pattern.split("|"):
            assert any(re.fullmatch(choice, value) for value in known[label]), choice


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_to_do(name):
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in ("warning", "critical")
    page, _, anchor = rule["annotations"]["page"].partition("#")
    assert anchor == "" or anchor in anchors((ROOT / page).read_text())
    assert (ROOT / page).is_file()
    assert rule["annotations"]["description"].endswith(".")


def test_every_query_of_the_dashboard_can_be_read(tmp_path):
    queries = [target["expr"] for panel in PANELS for target in panel["targets"]]
    rules = [
        {"record": f"panel:{number}", "expr": query.replace("$__rate_interval", "5m")}
        for number, query in enumerate(queries)
    ]
    path = tmp_path / "panels.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    assert f"{len(queries)} rules found" in promtool("check", "rules", path)


def test_every_metric_is_on_the_dashboard():
    shown = " ".join(target["expr"] for panel in PANELS for target in panel["targets"])
    families = {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in KNOWN}
    assert [name for name in families if name not in shown] == []


def test_panels_say_what_they_show_and_do_not_overlap():
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        assert panel["title"] and panel["description"].endswith(".")
        assert panel["datasource"]["uid"] == "${datasource}"
        place = panel["gridPos"]
        cells = {
            (place["x"] + right, place["y"] + down)
            for right in range(place["w"])
            for down in range(place["h"])
        }
        assert not taken & cells, panel["title"]
        taken |= cells
    ids = [panel["id"] for panel in json.loads(DASHBOARD.read_text())["panels"]]
    assert len(set(ids)) == len(ids)
