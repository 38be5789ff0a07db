"""What IBM's documentation says of IBM Cloud Backup for VPC, as the demo sends it and expects it back.

Source: "Enabling event notifications for Backup for VPC", IBM Cloud VPC documentation (page
backup-service-event-notifications-events, 2025-07-28). The ids are those of its samples.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

ACCOUNT = "be09dae34250437f96fc8b27ae7d233b"
SOURCE = "com.ibm.cloud.is.backup-policy"
TYPE = f"{SOURCE}.backup-volume-creation"
HELP = "https://cloud.ibm.com/docs/vpc?topic=vpc-baas-troubleshoot"


def registration(instance_id: str) -> dict[str, Any]:
    """The documented body of `POST {base_url}/v1/instances/{instance_id}/sources`, variables filled in."""
    return {
        "name": "Event Notification Source - Backup policy",
        "source": f"crn:v1:bluemix:public:is:us-south:a/{ACCOUNT}::backup-policy:",
        "description": "Backup policy service registration. This source provides notifications for backup "
        "job failures.",
        "enabled": True,
        "event_notifications_instance_crn": "crn:v1:bluemix:public:event-notifications:us-south:"
        f"a/{ACCOUNT}:{instance_id}::",
    }


def sample(event_id: str, source_id: str) -> dict[str, Any]:
    """The documented event. Its `ibmendefaultlong` is printed there as JSON that is not valid; here it is."""
    details = {
        "status": "Backup job creation / retention failed",
        "backup_policy": "r006-6da51cfe-6f7b-4638-a6ba-00e9c327b178",
        "backup_policy_plan": "r006-076191ba-49c2-4763-94fd-c70de73ee2e6",
        "status_reason": "source_volume_busy: The source volume has busy set (after multiple retries)",
        "match_resource_type": "instance",
        "job_type": "creation",
        "more_info": HELP,
    }
    return {
        "ibmendefaultlong": json.dumps(details),
        "ibmendefaultshort": "Backup Job creation / retention failed",
        "id": event_id,
        "time": "2024-04-22T20:59:34Z",
        "ibmenseverity": "medium",
        "type": TYPE,
        "source": SOURCE,
        "specversion": "1.0",
        "ibmensourceid": source_id,
    }


SAMPLE_ID = "b2198eb8-04b1-48ec-a78c-ee87694dd845"

MAIL_TITLE = "Volume Backup Job Creation Failure"
VOLUME = f"crn:v1:bluemix:public:is:us-south-1:a/{ACCOUNT}::volume:r006-f6583aac-8ba9-4d04-ab7a-acfe7b420016"
JOB = "r006-899ab8fb-3b71-4fc8-bca5-1544cb425e4f"
MAIL_BODY = (
    f"Volume Backup Job Creation Failure. Resource: {VOLUME}. BackupJobID: {JOB}. "
    "Reason: Snapshot quota per volume reached."
)
MAIL_DETAILS_TITLE = "Notification details:"
MAIL_DETAILS: dict[str, Any] = {
    "backup_policy": "r006-306fd8f6-b14c-410d-8f29-f05282b6daa9",
    "backup_policy_job": JOB,
    "backup_policy_plan": "r006-444bb07f-3399-42d5-b895-febcaca8d1bc",
    "match_resource_type": "volume",
    "job_type": "creation",
    "reasons": [
        {
            "more_info": "https://cloud.ibm.com/docs/vpc?topic=vpc-troubleshooting-backup-for-vpc",
            "status": "source_volume_too_large",
        }
    ],
    "resource": VOLUME,
}


class Failure(NamedTuple):
    """One line of the documented table: a kind of job, and why it failed."""

    resource_type: str
    job_type: str
    reason: str

    @property
    def title(self) -> str:
        """The event's name in the table."""
        return f"{self.resource_type.capitalize()} backup job {self.job_type} failure"

    @property
    def type(self) -> str:
        """The event's type; only that of volume creation is published, the others follow it."""
        return f"{SOURCE}.backup-{self.resource_type}-{self.job_type}"

    def details(self, number: int) -> dict[str, Any]:
        """Details in the shape of the documented mail; `number` makes the ids of the job and the resource."""
        resource = f"crn:v1:bluemix:public:is:us-south-1:a/{ACCOUNT}::{self.resource_type}:r006-{number:04d}"
        return {
            **MAIL_DETAILS,
            "backup_policy_job": f"r006-job-{number:04d}",
            "match_resource_type": self.resource_type,
            "job_type": self.job_type,
            "reasons": [{"more_info": HELP, "status": self.reason}],
            "resource": resource,
        }


GROUP = "snapshot_consistency_group"
TABLE: dict[tuple[str, str], tuple[str, ...]] = {
    ("volume", "creation"): (
        "service-to-service-policy-missing",
        "snapshot-quota-reached",
        "snapshots-bad-state",
        "snapshots-source-volume-busy",
        "snapshot-volume-too-large",
        "snapshot-volume-unavailable",
        "snapshots-encryption-key-invalid",
    ),
    ("volume", "retention"): (
        "service-to-service-policy-missing",
        "snapshot-bad-state",
        "snapshot-in-pending-state",
    ),
    ("instance", "creation"): (
        "service-to-service-policy-missing",
        f"{GROUP}-quota-reached",
        f"{GROUP}-bad-state",
        f"{GROUP}-source-volume-busy",
        f"{GROUP}-volume-too-large",
        f"{GROUP}-volume-unavailable",
        f"{GROUP}-encryption-key-invalid",
    ),
    ("instance", "retention"): (
        "service-to-service-policy-missing",
        f"{GROUP}-bad-state",
        "snapshot-consistency-group-in-pending-state",
    ),
}
"""The reason codes as the table spells them, by resource and job."""


def failures() -> Iterator[Failure]:
    """Every failure of the table."""
    for (resource_type, job_type), reasons in TABLE.items():
        for reason in reasons:
            yield Failure(resource_type, job_type, reason)
