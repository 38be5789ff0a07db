"""Reason codes of IBM Cloud Backup for VPC resolve in every spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from schemas.reasons import TABLE, Reason, normalise, reason

GROUP = "snapshot_consistency_group"
TABLE_OF_EVENTS = {
    "volume-creation": [
        "service-to-service-policy-missing",
        "snapshot-quota-reached",
        "snapshots-bad-state",
        "snapshots-source-volume-busy",
        "snapshot-volume-too-large",
        "snapshot-volume-unavailable",
        "snapshots-encryption-key-invalid",
    ],
    "volume-retention": [
        "service-to-service-policy-missing",
        "snapshot-bad-state",
        "snapshot-in-pending-state",
    ],
    "instance-creation": [
        "service-to-service-policy-missing",
        f"{GROUP}-quota-reached",
        f"{GROUP}-bad-state",
        f"{GROUP}-source-volume-busy",
        f"{GROUP}-volume-too-large",
        f"{GROUP}-volume-unavailable",
        f"{GROUP}-encryption-key-invalid",
    ],
    "instance-retention": [
        "service-to-service-policy-missing",
        f"{GROUP}-bad-state",
        "snapshot-consistency-group-in-pending-state",
    ],
}
JOB_API = [
    "internal_error",
    "snapshot_encryption_key_invalid",
    "snapshot_pending",
    "snapshot_volume_limit",
    "snapshot_share_limit",
    "snapshot_source_unsupported",
    "source_volume_busy",
    "source_volume_too_large",
    "snapshot_rate_too_high",
    "source_volume_unavailable",
    "snapshot_source_unavailable",
]
SEEN_ELSEWHERE = [
    "snapshots-volume-too-large",
    "snapshots-volume-unavailable",
    "snapshot-consistency_group-quota-reached",
    "snapshot_consistency_group-in-pending-state",
]
LISTED = [(job, code) for job, codes in TABLE_OF_EVENTS.items() for code in codes]
ROWS = schemas.load(TABLE)["reasons"]


@pytest.mark.parametrize(("job", "code"), LISTED)
def test_each_of_the_twenty_codes_of_the_table_names_a_reason_of_that_job(job, code):
    assert len(LISTED) == 20
    found = reason(code)
    assert found is not None
    assert job in found.jobs


@pytest.mark.parametrize("code", [*JOB_API, *SEEN_ELSEWHERE])
def test_codes_of_payloads_and_of_other_pages_resolve(code):
    assert reason(code) is not None


@pytest.mark.parametrize("code", sorted({*JOB_API, *SEEN_ELSEWHERE, *(code for _, code in LISTED)}))
@pytest.mark.parametrize(
    "spelt",
    [
        str.upper,
        str.title,
        lambda c: c.replace("-", "_"),
        lambda c: c.replace("_", "-"),
        lambda c: f" {c} : text",
    ],
)
def test_case_dashes_and_what_follows_the_colon_do_not_matter(code, spelt):
    assert reason(spelt(code)) == reason(code)


def test_the_sample_payload_and_the_table_mean_the_same_reason():
    found = reason("source_volume_busy: The source volume has busy set (after multiple retries)")
    assert found == reason("snapshots-source-volume-busy")
    assert found is not None
    assert found.sentence == "The source volume has busy set (after multiple retries)."


def test_the_quota_sentence_is_that_of_the_sample_mail():
    found = reason("snapshot-quota-reached")
    assert found is not None
    assert found.sentence == "Snapshot quota per volume reached."


def test_a_consistency_group_has_reasons_of_its_own():
    assert reason(f"{GROUP}-bad-state") != reason("snapshot-bad-state")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["code"])
def test_a_row_is_complete_and_its_code_is_already_normalised(row):
    found = reason(row["code"])
    assert found == Reason(row["code"], row["sentence"], row["more_info"], tuple(row["jobs"]))
    assert normalise(row["code"]) == row["code"]
    assert found.sentence.endswith(".")
    assert found.more_info.startswith("https://cloud.ibm.com/docs/vpc?topic=")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["code"])
def test_every_spelling_in_the_table_leads_to_its_row(row):
    assert {normalise(spelling) for spelling in row["spellings"]} == {row["code"]}


def test_no_spelling_means_two_reasons():
    spellings = [spelling for row in ROWS for spelling in row["spellings"]]
    assert len(spellings) == len(set(spellings))


def test_an_unknown_code_has_no_reason_but_one_spelling():
    assert reason("quantum_flux: who knows") is None
    assert normalise("Quantum_Flux: who knows") == "quantum-flux"


@given(st.text())
def test_normalising_twice_changes_nothing(code):
    assert normalise(normalise(code)) == normalise(code)
