"""Every atom and example rule that the products' documents print, as printed."""

import pytest

PATH = "/datastore/ibs-primary/production"


@pytest.mark.parametrize(("severity", "fits"), [("warning", False), ("error", True), ("critical", True)])
def test_severity_in_a_list(holds, severity, fits):
    assert holds("severity in (error, critical)", words={"severity": severity}) is fits


@pytest.mark.parametrize(("type", "fits"), [("backup.failed", True), ("backup.failed.late", False)])
def test_an_exact_type(holds, type, fits):
    assert holds("type = backup.failed", type=type) is fits


@pytest.mark.parametrize(("type", "fits"), [("sync.failed", True), ("sync", False), ("resync.x", False)])
def test_the_start_of_a_type(holds, type, fits):
    assert holds("type starts-with sync.", type=type) is fits


@pytest.mark.parametrize(
    ("actor", "fits"), [("root@pam!automation", True), ("root@pam", False), ("automation", False)]
)
def test_a_glob_over_the_actor(holds, actor, fits):
    assert holds('actor matches "*!automation"', words={"actor": actor}) is fits


@pytest.mark.parametrize(
    ("words", "fits"),
    [
        ({"resource": f"{PATH}/vm/100"}, True),
        ({"resource": "production:vm/100", "resources": ("production:vm/100", f"{PATH}/vm/100")}, True),
        ({"resource": "/datastore/other"}, False),
        ({}, False),
    ],
)
def test_the_start_of_a_resource_in_any_spelling(holds, words, fits):
    assert holds(f"resource starts-with {PATH}", words=words) is fits


@pytest.mark.parametrize(
    ("type", "severity", "fits"),
    [
        ("verify.stale", "warning", True),
        ("verify.failed", "critical", True),
        ("verify.ok", "info", False),
        ("sync.failed", "error", False),
    ],
)
def test_the_example_for_verification(holds, type, severity, fits):
    rule = "type starts-with verify. and severity in (warning, error, critical)"
    assert holds(rule, type=type, words={"severity": severity}) is fits


@pytest.mark.parametrize(
    ("type", "resource", "fits"),
    [
        ("backup.failed", f"{PATH}/vm/1", True),
        ("backup.failed", "/elsewhere", False),
        ("backup.ok", f"{PATH}/vm/1", False),
    ],
)
def test_the_example_for_production(holds, type, resource, fits):
    rule = f"type = backup.failed and resource starts-with {PATH}"
    assert holds(rule, type=type, words={"resource": resource}) is fits


@pytest.mark.parametrize(
    ("severity", "fits"),
    [("info", False), ("notice", False), ("warning", False), ("error", True), ("critical", True)],
)
def test_an_ordered_severity(holds, severity, fits):
    assert holds("severity >= error", words={"severity": severity}) is fits


def test_the_rule_of_a_digest(holds):
    assert holds("severity in (info, notice)", words={"severity": "notice"})
    assert not holds("severity in (info, notice)", words={"severity": "warning"})


PEOPLE = {"details": [{"name": "Bob", "age": 19}, {"name": "Alice", "age": 25}], "location": "Pune"}


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("$.*", True),
        ("", True),
        ('$.data.event_type == "secret_about_to_expire"', False),
        ("$.data.details[1].age >= 25", True),
        ('$.data.details[0].name == "Bob" || $.data.location == "New york"', True),
        ('$.data.details[1].age > 20 && $.data.company == "IBM"', False),
        ("$..details[-2]", True),
        ("$..details[:2]", True),
        ("$..details[0,1]", True),
        ("$..details[2]", False),
        ("$..*", True),
        ('$.data.location =~ "dallas|Pu|sydney"', True),
        ('$.data.details[?(@.name == "Bob")].age == 19', True),
        ('$.data.details[?(@.name == "Alice")].age == 19', False),
        ("not($.data.details[?(@.name =~ 'Ali*')])", False),
        ("not($.data.details[?(@.name =~ '^ob')])", True),
        ("$.data.details[?(@.age > 20 && not(@.name == 'Bob'))]", True),
        ("$.data.details[?(@.age > 25 || @.name == 'x')]", False),
        ("$.data.details[::2].name == 'Alice'", False),
        ("$.data.details[1::-1].name == 'Bob'", True),
        ("$.data.details[::0]", False),
    ],
)
def test_the_examples_of_ibms_page_on_filters(ibm_holds, text, fits):
    assert ibm_holds(text, data=PEOPLE) is fits


def test_the_filters_of_ibms_integration_test(ibm_holds):
    event = {
        "notification_event_info": {"event_type": "cert_manager"},
        "notification": {"findings": [{"severity": "MODERATE"}]},
    }
    assert ibm_holds("$.notification_event_info.event_type == 'cert_manager'", **event)
    assert ibm_holds("$.notification.findings[0].severity == 'MODERATE'", **event)


def test_a_hyphen_in_an_ibm_name(ibm_holds):
    assert ibm_holds("$.notification-type == 'maintenance'", **{"notification-type": "maintenance"})
    assert not ibm_holds("$.notification-type == 'maintenance'")


@pytest.mark.parametrize("written", ["medium", "MEDIUM", "Medium"])
def test_ibms_severity_is_compared_in_any_case(ibm_holds, written):
    assert ibm_holds("$.ibmenseverity == 'MEDIUM'", ibmenseverity=written)
    assert not ibm_holds("$.ibmenseverity != 'medium'", ibmenseverity=written)


def test_a_type_with_its_subtype(ibm_holds):
    published = "com.ibm.cloud.is.backup-policy.backup-volume-creation"
    assert ibm_holds(f"$.type == '{published}'", type=published)
    with_reason = f"{published}:snapshot-quota-reached"
    assert ibm_holds(f"$.type == '{with_reason}'", type=with_reason)
    assert not ibm_holds(f"$.type == '{published}'", type=with_reason)
