"""`tocsin serve`: options become settings, settings a running gateway (`cli/running.py`)."""

from __future__ import annotations

import sys
from typing import Any

from gateway.cli.options import options, with_parameters
from gateway.domain.errors import ConfigurationError
from gateway.settings import SECRET_FIELDS, Settings, load, without_password


@with_parameters(options(Settings, without=SECRET_FIELDS))
def serve(**given: Any) -> int:
    """Run a gateway until SIGINT or SIGTERM: it then takes nothing more and lets deliveries under way finish.

    A second signal ends it at once. Every option is also an environment variable (`--data-dir` is
    TOCSIN_DATA_DIR) and a line of the file that TOCSIN_CONFIG names; secrets come only from there, or from
    files (TOCSIN_ADMIN_KEY_FILE): see `tocsin settings`.
    """
    if without_password(given.get("database") or "") != (given.get("database") or ""):
        raise ConfigurationError(
            "--database: every process can read a password in a command line; put the address into "
            "TOCSIN_DATABASE, or into a file that TOCSIN_DATABASE_FILE names"
        )
    settings = load(**given)
    if settings.workers > 1:
        _require_shared(settings)
        from gateway.cli.workers import run_workers

        return run_workers(settings, given, line_format=line_format(settings))
    from gateway.cli.running import run_gateway

    return run_gateway(settings, line_format=line_format(settings))


def _require_shared(settings: Settings) -> None:
    if not settings.database.startswith("postgres"):
        raise ConfigurationError("TOCSIN_WORKERS: a SQLite store has one process; several need postgresql://")


def line_format(settings: Settings) -> str:
    """JSON for machines; on a terminal text, unless a format was chosen."""
    chosen = "log_format" in settings.model_fields_set
    return "text" if not chosen and sys.stderr.isatty() else settings.log_format
