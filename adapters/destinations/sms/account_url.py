"""The operator's Twilio account as one line, which is how `TOCSIN_SMS_URL` gives it."""

from __future__ import annotations

from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from adapters.destinations.sms.settings import SmsConfig

FORM = "an SMS account reads twilio://SID:TOKEN@?from=+15550001111, its parts percent-encoded"
SHORT = {"from": "from_number"}
OPTIONS = SmsConfig.model_fields.keys() - {"account_sid", "auth_token"}


def account_of(url: str) -> SmsConfig:
    """Read `twilio://SID:TOKEN@?from=number`; the options are the settings of the kind `sms`.

    SID, token and options are percent-decoded; a plus sign stands for itself, so that numbers need no
    encoding. Raises ValueError, which says what would be right and repeats no part of the text.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(FORM) from None
    if parts.scheme != "twilio" or not parts.netloc.endswith("@") or parts.path.strip("/") or parts.fragment:
        raise ValueError(FORM)
    settings = _settings(parts)
    try:
        return SmsConfig.model_validate(settings)
    except ValidationError as error:
        raise ValueError("; ".join(map(_line, error.errors(include_input=False)))) from None


def _settings(parts: SplitResult) -> dict[str, str]:
    settings = {"account_sid": unquote(parts.username or "")}
    if parts.password:
        settings["auth_token"] = unquote(parts.password)
    for option in filter(None, parts.query.split("&")):
        name, _, value = option.partition("=")
        name = SHORT.get(name, name)
        if name not in OPTIONS or name in settings:
            raise ValueError(f"an SMS account takes, each once, {', '.join(sorted(OPTIONS))}; from is short")
        settings[name] = unquote(value)
    return settings


def _line(item: ErrorDetails) -> str:
    place = ".".join(map(str, item["loc"]))
    words = item["msg"].removeprefix("Value error, ")
    return f"{place}: {words}" if place else words
