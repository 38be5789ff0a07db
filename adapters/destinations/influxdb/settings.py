"""What is set of an InfluxDB destination and its subscriptions."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from adapters.destinations.influxdb.point import INTEGERS
from gateway.spi.destination import SubscriptionAddress
from gateway.spi.reading import NumberPaths, Wordings
from gateway.spi.server import ServerConfig
from gateway.spi.transport import Url

_PLAIN = r"^[^\x00-\x1f\x7f]*$"

Server = Literal["influxdb", "victoriametrics"]


class InfluxConfig(ServerConfig):
    """A bucket on a server."""

    token_scheme: ClassVar[str] = "Token"  # noqa: S105  the word before a token

    org: Annotated[str, StringConstraints(max_length=255, pattern=_PLAIN)] = Field(
        "", title="Organisation", description="Name or id of the organisation; empty where there are none."
    )
    bucket: Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=_PLAIN)] = Field(
        title="Bucket", description="Bucket to write to; of InfluxDB 1.8 database or database/policy."
    )
    bucket_setup: Literal["check", "create", "leave"] = Field(
        "check",
        title="Bucket set-up",
        description="When saved: check that the bucket is there, create it if it is not, or leave it alone.",
    )
    server: Server = Field(
        "influxdb",
        title="Server",
        description="What answers there, found out by the set-up; victoriametrics keeps numbers only.",
    )

    @model_validator(mode="after")
    def _fits_a_url(self) -> Self:
        _ = self.write_url
        return self

    @property
    def write_url(self) -> Url:
        """Where points go."""
        return self.at("/api/v2/write", {"org": self.org, "bucket": self.bucket, "precision": "ns"})


_TAGS: dict[str, str] = {
    name: f"{{{{event.{name}}}}}" for name in ("type", "source", "severity", "outcome", "resource", "job")
}


class InfluxAddress(SubscriptionAddress):
    """What the points look like."""

    measurement: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,127}$")] = Field(
        "backup_event", title="Measurement", description="Measurement that the points belong to."
    )
    tags: Wordings = Field(
        _TAGS,
        title="Tags",
        description="Tags by name, with words of the event in them; each value opens a series.",
    )
    numbers: NumberPaths = Field(
        {},
        title="Numbers",
        description="Fields by name, from numbers in the event's data, as in data.result.size.",
    )

    @field_validator("tags", "numbers")
    @classmethod
    def _free(cls, given: dict[str, str]) -> dict[str, str]:
        taken = sorted(given.keys() & {"time", *INTEGERS})
        if taken:
            raise ValueError(f"{taken[0]} is taken; another name is needed")
        return given
