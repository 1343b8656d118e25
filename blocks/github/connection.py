"""Where GitHub is, and what a block asks it with."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator

from contracts.errors import Misconfigured, Refused

_HERE = frozenset({"127.0.0.1", "localhost", "::1"})


class NotFound(Misconfigured):
    """What was asked for does not exist, or the credential may not see it."""


class Unaccepted(Misconfigured):
    """GitHub does not accept the credential: it is wrong, has expired or was taken back."""


class Declined(Refused):
    """GitHub understood a request and does not do it.

    Args:
        message: what is told to people.
        status: status of the answer; 0: the answer was one of GraphQL.
        said: what GitHub said, in one line.
        detail: the answer.
    """

    def __init__(self, message: str, *, status: int, said: str, detail: str = "") -> None:
        super().__init__(message, detail=detail)
        self.status = status
        self.said = said


class GitHubConnection(BaseModel):
    """Address and credential; the fields that every block of GitHub begins with."""

    base_url: str = Field(
        default="https://api.github.com",
        description="Address of the REST interface; of a GitHub Enterprise Server: https://HOST/api/v3.",
    )
    token: SecretStr = Field(
        default=SecretStr(""), description="Access token of a person or a bot; empty: a GitHub App is used."
    )
    app_id: str = Field(default="", pattern=r"^(\d+)?$", description="Id of the GitHub App; empty: a token is used.")
    private_key: SecretStr = Field(default=SecretStr(""), description="Private key of the GitHub App, PEM.")
    installation_id: int = Field(
        default=0, ge=0, description="The app's installation; 0: the one that the repository's owner has."
    )
    patience_seconds: float = Field(
        default=60,
        ge=0,
        le=3_600,
        description="Longest wait for a limit, or for what GitHub computes; then it is an error.",
    )

    @field_validator("base_url")
    @classmethod
    def _safe_address(cls, value: str) -> str:
        parts = urlsplit(value)
        secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _HERE)
        if not secure or not parts.hostname or parts.username or parts.query or parts.fragment:
            raise ValueError(f"{value!r} is no address that may see a credential; write https://HOST/api/v3")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _one_credential(self) -> GitHubConnection:
        app = bool(self.app_id), bool(self.private_key.get_secret_value())
        if app[0] != app[1] or app[0] == bool(self.token.get_secret_value()):
            raise ValueError("give either 'token', or 'app_id' and 'private_key'")
        return self

    @property
    def web(self) -> str:
        """Address that people and Git use, without a slash at its end."""
        parts = urlsplit(self.base_url)
        if parts.path.rstrip("/").endswith("/api/v3"):
            return f"{parts.scheme}://{parts.netloc}"
        return f"{parts.scheme}://{parts.netloc.removeprefix('api.')}"
