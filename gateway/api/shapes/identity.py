"""Bodies of the token endpoint, as IBM Cloud IAM has them (facts: ibm-event-notifications 5)."""

from __future__ import annotations

from pydantic import BaseModel, Field

from gateway.api.problem import ProblemBody
from gateway.api.shapes.base import Answer
from gateway.security.tokens import LIFETIME, SCOPE, AccessToken

APIKEY_GRANT = "urn:ibm:params:oauth:grant-type:apikey"


class TokenRequest(BaseModel):
    """A form. Whatever else IBM's clients put into it (`response_type`, `scope`) changes nothing."""

    grant_type: str = Field(description=f"`{APIKEY_GRANT}`")
    apikey: str = Field(description="A key of this gateway.")


class TokenAnswer(Answer):
    """An access token, sent as `Authorization: Bearer` in place of the key. There is no other way to renew
    it than to ask again."""

    access_token: str
    refresh_token: str = "not_supported"  # noqa: S105  IAM's word for none
    token_type: str = "Bearer"  # noqa: S105
    expires_in: int = Field(LIFETIME, description="Seconds.")
    expiration: int = Field(description="Seconds since the epoch.")
    scope: str = SCOPE


class TokenProblem(ProblemBody):
    """A refusal: the gateway's error body, and what IAM's clients read beside it."""

    errorCode: str  # noqa: N815  IAM's word
    errorMessage: str  # noqa: N815  IAM's word


def token_answer(token: AccessToken) -> TokenAnswer:
    """A fresh token as IAM answers it."""
    return TokenAnswer(access_token=token.text, expiration=token.expires_at)
