"""Every knob of the gateway: name, default, unit, meaning. Nothing else reads the environment.

A setting comes from, in order: the command line, the environment (`TOCSIN_LISTEN`), a settings file
(`TOCSIN_CONFIG=tocsin.toml`), its default. A secret may also be in a file: `TOCSIN_ADMIN_KEY_FILE`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from gateway.domain.errors import ConfigurationError

PREFIX = "TOCSIN_"
SECRET_FIELDS = ("admin_key", "secret_key", "smtp_url", "sms_url", "watcher_url")
FILE_FIELDS = (*SECRET_FIELDS, "database")
"""What may be in a file: secrets, and what may hold one."""

_PASSWORD = re.compile(r"(?<=://)([^@:]*):.*(?=@)")


class Settings(BaseSettings):
    """The gateway's settings."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    listen: str = Field(
        "127.0.0.1:8080", description="Address and port to listen on; port 0 takes a free one."
    )
    data_dir: Path = Field(Path("data"), description="Folder of the store and of generated key files.")
    database: str = Field(
        "",
        description="Store: `sqlite:///path`, or `postgresql://user:password@host/name` for several nodes; "
        "empty: `tocsin.db` in the data folder.",
    )
    role: Literal["all", "ingest", "dispatch"] = Field(
        "all", description="What this node does: take events, send deliveries, or both. PostgreSQL only."
    )
    workers: int = Field(
        1, ge=1, le=256, description="Processes on this machine that share the port. PostgreSQL only."
    )
    share_port: bool = Field(False, description="Let other processes listen on the same port.")
    node_name: str = Field("", description="Name of this node among several; unset: the name of its host.")
    admin_key: SecretStr | None = Field(
        None, description="The operator's key, 20 or more characters; unset: `admin.key` in the data folder."
    )
    secret_key: SecretStr | None = Field(
        None,
        description="Master key for secrets at rest: base64 of 32 bytes, several comma separated, the first "
        "one seals; unset: `secret.key` in the data folder.",
    )
    abandon_secrets: bool = Field(
        False,
        description="Start although the key that secrets in the store are sealed with is lost: their "
        "destinations fail until the secrets are set anew.",
    )
    allow_networks: str = Field(
        "",
        description="Private networks that deliveries may reach: CIDR or CIDR:port, comma separated.",
    )
    references: str = Field(
        "",
        description="What secrets of destinations may refer to: env:NAME or file:PATH (a file, or a folder "
        "with all below it), comma separated.",
    )
    public_url: str = Field("", description="How the outside reaches this gateway, for links in messages.")
    smtp_url: SecretStr | None = Field(
        None,
        description="Mail relay of the built-in mail service: `smtp[s]://user:password@host:port?from=address`.",
    )
    sms_url: SecretStr | None = Field(
        None,
        description="Twilio account of the built-in SMS service: `twilio://SID:TOKEN@?from=+15550001111`.",
    )
    watcher_url: SecretStr | None = Field(
        None,
        description="A URL outside that is asked for every minute while this gateway is ready, so that a "
        "watcher there notices when that stops.",
    )
    domain: str = Field("tocsin.local", description="Name of this gateway in Message-IDs and mail greetings.")
    max_body_bytes: int = Field(1_048_576, ge=65_536, description="Largest request body, inflated, in bytes.")
    max_batch_events: int = Field(500, ge=1, description="Most events in one batch.")
    max_connections: int = Field(1024, ge=1, description="Most open client connections.")
    max_connections_per_address: int = Field(
        512, ge=1, description="Most open connections of one client address."
    )
    idle_timeout_seconds: float = Field(
        60.0, gt=0, description="How long a kept connection may be unused, in seconds."
    )
    request_timeout_seconds: float = Field(
        10.0,
        gt=0,
        description="How long a client may take to send a request head, and then a body, in seconds.",
    )
    in_flight: int = Field(
        256, ge=1, description="Most deliveries under way at once (W: the bound on duplicates after a crash)."
    )
    destination_in_flight: int = Field(
        16, ge=1, description="Most deliveries under way at once to one destination."
    )
    lane_places: int = Field(
        256, ge=1, description="Deliveries kept in memory per destination; the rest wait in the store."
    )
    lanes_memory_bytes: int = Field(
        128 << 20,
        ge=1 << 20,
        description="Bytes that the deliveries kept in memory hold together; the rest wait in the store.",
    )
    drain_delay: float = Field(
        0.0,
        ge=0,
        description="How long a stopping gateway, no longer ready, still takes events, in seconds: so long a "
        "balancer may need to notice.",
    )
    drain_seconds: float = Field(
        30.0, ge=0, description="How long a stopping gateway lets deliveries finish, in seconds."
    )
    retention_days: float = Field(30.0, gt=0, description="Days that events are kept.")
    delivery_retention_days: float = Field(90.0, gt=0, description="Days that settled deliveries are kept.")
    free_space_floor_bytes: int | None = Field(
        None,
        ge=0,
        description="Free disk space below which new events are refused; unset: 5 %, 64 MiB to 1 GiB.",
    )
    log_level: str = Field(
        "info", pattern="^(debug|info|warning|error)$", description="Least level that is logged."
    )
    log_format: str = Field("json", pattern="^(json|text)$", description="How log lines look.")

    @field_validator("listen")
    @classmethod
    def _host_and_port(cls, text: str) -> str:
        host, _, port = text.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise ValueError("must be host:port, as in 127.0.0.1:8080")
        return text

    @property
    def host(self) -> str:
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        *sources: PydanticBaseSettingsSource,
        **named: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line first, then environment, then the settings file."""
        path = os.environ.get(f"{PREFIX}CONFIG")
        file = (TomlConfigSettingsSource(settings_cls, Path(path)),) if path else ()
        return (named["init_settings"], named["env_settings"], *file)


NOT_OF_THE_STORE = frozenset(Settings.model_fields) - {"data_dir", "database"}
"""What commands that open a store by themselves have no option for."""


def load(**overrides: Any) -> Settings:
    """Read the settings; `overrides` come from the command line.

    Raises ConfigurationError: one line for each setting that is wrong, saying what would be right.
    """
    overrides = {name: value for name, value in overrides.items() if value is not None}
    overrides |= {name: secret for name, secret in _secret_files().items() if name not in overrides}
    _refuse_unknown()
    _refuse_missing_file()
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise ConfigurationError("; ".join(_line(item) for item in error.errors())) from error
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"the settings file cannot be read: {error}") from error


def without_password(url: str) -> str:
    """An address for people to read."""
    return _PASSWORD.sub(r"\1:***", url)


def _secret_files() -> dict[str, str]:
    found = {}
    for name in FILE_FIELDS:
        variable = f"{PREFIX}{name.upper()}_FILE"
        path = os.environ.get(variable)
        if path:
            try:
                found[name] = Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise ConfigurationError(f"{variable} names a file that cannot be read: {error}") from error
            except UnicodeDecodeError:  # its text would show a byte of the secret
                raise ConfigurationError(f"{variable} names a file that is not text in UTF-8") from None
    return found


CLIENT_VARIABLES = frozenset({"CONFIG", "URL", "KEY", "INSTANCE"})


def _refuse_unknown() -> None:
    known = {name.upper() for name in Settings.model_fields}
    known |= CLIENT_VARIABLES | {f"{name.upper()}_FILE" for name in FILE_FIELDS}
    unknown = [
        name for name in os.environ if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in known
    ]
    if unknown:
        raise ConfigurationError(f"unknown setting {sorted(unknown)[0]}; `tocsin settings` lists every one")


def _refuse_missing_file() -> None:
    path = os.environ.get(f"{PREFIX}CONFIG")
    if path and not Path(path).is_file():
        raise ConfigurationError(f"{PREFIX}CONFIG names {path}, which is no file")


def _line(item: Any) -> str:
    name = ".".join(str(part) for part in item["loc"])
    return f"{PREFIX}{name.upper()}: {item['msg'].removeprefix('Value error, ')}"
