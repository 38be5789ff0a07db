"""Where the commands find the gateway: address, key and instance, without reading the gateway's settings.

From the environment (`TOCSIN_URL`, `TOCSIN_KEY`, `TOCSIN_INSTANCE`), else from the data folder
(`TOCSIN_DATA_DIR`, `./data`) in which a gateway on this machine leaves its address and its operator's key.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from gateway.domain.errors import ConfigurationError, TocsinError

URL_FILE, ADMIN_KEY_FILE = "url", "admin.key"
DEFAULT_INSTANCE = "default"


class Unreachable(TocsinError):
    """No gateway answers; the message is one line that says where it was looked for."""


@dataclass(frozen=True, slots=True)
class Place:
    """One gateway and how to speak to it. `url` has no slash at its end."""

    url: str
    key: str
    instance: str = DEFAULT_INSTANCE


def data_folder() -> Path:
    """The data folder that commands look into. Raises ConfigurationError for a settings file that is none."""
    return Path(os.environ.get("TOCSIN_DATA_DIR") or _data_dir_of_file() or "data")


def _data_dir_of_file() -> str:
    path = os.environ.get("TOCSIN_CONFIG")
    if not path:
        return ""
    try:
        return str(tomllib.loads(Path(path).read_text(encoding="utf-8")).get("data_dir", ""))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"TOCSIN_CONFIG names {path}, which cannot be read: {error}") from None


def find() -> Place:
    """The gateway to speak to. Raises Unreachable or ConfigurationError."""
    instance = os.environ.get("TOCSIN_INSTANCE") or DEFAULT_INSTANCE
    return Place(_url(), _key(), instance)


def _url() -> str:
    url = os.environ.get("TOCSIN_URL", "").rstrip("/")
    if not url:
        return _url_of_folder(data_folder() / URL_FILE)
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise ConfigurationError("TOCSIN_URL must read like http://127.0.0.1:8080")
    return url


def _url_of_folder(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        raise Unreachable(
            f"no gateway runs with the data folder {path.parent}; start one with `tocsin serve`, "
            "or say where it is: TOCSIN_URL, or TOCSIN_DATA_DIR for another folder"
        ) from None


def _key() -> str:
    key = os.environ.get("TOCSIN_KEY") or os.environ.get("TOCSIN_ADMIN_KEY")
    if key:
        return key
    path = Path(os.environ.get("TOCSIN_ADMIN_KEY_FILE") or data_folder() / ADMIN_KEY_FILE)
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(
            f"no key: set TOCSIN_KEY, or make {path} readable ({error.strerror})"
        ) from None
