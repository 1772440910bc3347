"""Where plans go, and by which credentials (card mma.md, Credentials): five shapes, one model."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from slew.email_message import recipients
from slew.facility import Altdata
from slew.imaging import AllowedFilters
from slew.models import HookPart, Line, Truthy
from slew.validation import refusal

Branch = Literal["api", "scp", "slack", "email"]

PATH = "/api/obsplans"
_BRANCHES: dict[str, Branch] = {"scp": "scp", "slack": "slack", "email": "email"}
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|\[?[0-9A-Fa-f:.]{2,45}\]?")
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}=?")
_NEEDED: dict[Branch, tuple[str, ...]] = {
    "api": ("protocol", "host", "port", "access_token"),
    "scp": ("host", "port", "username", "password", "directory"),
    "slack": ("slack_workspace", "slack_channel", "slack_token"),
    "email": ("email",),
}


def _port(value: Any) -> Any:
    """SkyPortal wants text for A and takes either for B; both are taken for both."""
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,5}\s*", value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | type(None)):
        raise ValueError("must be a TCP port, 1 to 65535, as text or as an integer")
    return value


def _host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise ValueError("must be a host name or an IP address, without scheme, port or path")
    return value


def _header_safe(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not 1 <= len(text) <= 1000 or any(not "!" <= character <= "~" for character in text):
        raise ValueError("must be 1 to 1000 printable ASCII characters without blanks")
    return value


def _password(value: SecretStr) -> SecretStr:
    if not 1 <= len(value.get_secret_value()) <= 1000:
        raise ValueError("must be 1 to 1000 characters")
    return value


def _private_key(value: SecretStr) -> SecretStr:
    text = value.get_secret_value().strip()
    if len(text) > 20_000 or not text.startswith("-----BEGIN ") or not text.endswith("-----"):
        raise ValueError("must be a private key in PEM or OpenSSH form, -----BEGIN ... to ... END-----")
    return SecretStr(f"{text}\n")


def _host_key(value: str) -> str:
    if _FINGERPRINT.fullmatch(value):
        return value.rstrip("=")
    kind, _, rest = value.partition(" ")
    try:
        blob = b64decode(rest.split(" ")[0], validate=True)
    except ValueError:
        blob = b""
    if blob[4 : 4 + len(kind)] != kind.encode() or blob[:4] != len(kind).to_bytes(4, "big"):
        raise ValueError("must be a public key, `ssh-ed25519 AAAA...`, or its fingerprint, `SHA256:...`")
    return f"{kind} {rest.split(' ')[0]}"


def _directory(value: str) -> str:
    if value.startswith(("-", "~")):
        raise ValueError("must not begin with - or ~; without a / it is below the login's directory")
    return value


Port = Annotated[int, BeforeValidator(_port, json_schema_input_type=int | str), Field(ge=1, le=65535)]
Token = Annotated[SecretStr, AfterValidator(_header_safe)]


class MmaAltdata(Altdata):
    """A receiver of plans: an HTTP API, a directory of an SSH server, a Slack channel or a mailbox.

    Which it is follows from `type`, or without one from the keys; what then is missing is named.
    """

    type: Line | None = Field(
        None,
        title="Branch",
        description="`scp`, `slack` or `email`; anything else, or nothing, is the HTTP API. Without it, "
        "`username`, `password` (or `private_key`) and `directory` together mean `scp`",
        examples=["scp"],
    )
    allocation_type: Line | None = Field(
        None, title="Branch (form)", description="Synonym of `type`, of SkyPortal's web form: `API`, ..."
    )
    protocol: Literal["http", "https"] | None = Field(
        None,
        title="Protocol",
        description="For the API. `http` only where the deployment's EndpointAllowList has the host",
        examples=["https"],
    )
    host: Annotated[Line, AfterValidator(_host)] | None = Field(
        None,
        title="Host",
        description="Of the API or of the SSH server",
        examples=["too.example-observatory.org"],
    )
    port: Port | None = Field(
        None, title="Port", description="TCP port of the API or of the SSH server", examples=["8080"]
    )
    access_token: Token | None = Field(
        None, title="Token", description="For the API: sent as `Authorization: token <access_token>`"
    )
    endpoint: Annotated[Line, Field(max_length=2000)] | None = Field(
        None,
        title="Endpoint",
        description="Synonym of `protocol`, `host` and `port`: the complete URL of the plan collection",
        examples=["https://too.example-observatory.org:8080/api/obsplans"],
    )
    api_token: Token | None = Field(None, title="Token (form)", description="Synonym of `access_token`")
    receiver_lists: Truthy = Field(
        False,
        title="Receiver lists plans",
        description="Whether the API answers GET with its plans: status is then followed, and a plan whose "
        "answer was lost is looked for. A key of Slew's own",
    )
    receiver_deletes: Truthy = Field(
        False,
        title="Receiver deletes plans",
        description="Whether the API takes `DELETE ?queue_name=`: cancelling is then possible. Slew's own",
    )
    username: Annotated[Line, Field(max_length=100, pattern=r"^[^\s:@/]+$")] | None = Field(
        None, title="SSH user", description="For `scp`", examples=["too"]
    )
    password: Annotated[SecretStr, AfterValidator(_password)] | None = Field(
        None, title="SSH password", description="For `scp`; not needed where there is a `private_key`"
    )
    private_key: Annotated[SecretStr, AfterValidator(_private_key)] | None = Field(
        None,
        title="SSH private key",
        description="For `scp`: PEM or OpenSSH form, without a passphrase. A key of Slew's own",
    )
    host_key: Annotated[Line, Field(max_length=4000), AfterValidator(_host_key)] | None = Field(
        None,
        title="Host key",
        description="For `scp`: the server's public key, `ssh-ed25519 AAAA...`, or its fingerprint, "
        "`SHA256:...`; any other is refused. Absent: the first one seen is kept. A key of Slew's own",
    )
    directory: Annotated[Line, Field(max_length=1000), AfterValidator(_directory)] | None = Field(
        None,
        title="Directory",
        description="For `scp`: where the file goes; without a leading / below the login's directory",
        examples=["/data/too/incoming"],
    )
    file_mode: Annotated[str, Field(pattern=r"^0?[67][0-7]{2}$")] = Field(
        "0644",
        title="File mode",
        description="For `scp`: the file's permissions, octal. A key of Slew's own",
    )
    slack_workspace: HookPart | None = Field(
        None, title="Workspace", description="First part of the webhook's path, `T...`"
    )
    slack_channel: HookPart | None = Field(
        None, title="Webhook", description="Second part of the webhook's path, `B...`; not a channel's `C...`"
    )
    slack_token: HookPart | None = Field(
        None, title="Slack token", description="Third part of the webhook's path"
    )
    email: str | None = Field(
        None,
        max_length=4000,
        title="Recipients",
        description="For `email`: one address, or several separated by commas",
        examples=["too@example-observatory.org"],
    )
    instrument_name: Annotated[str, Field(max_length=50, pattern=r"^[A-Za-z0-9_]+$")] | None = Field(
        None,
        title="Instrument",
        description="Told to people, and names the field grid (SLEW_FIELD_GRID_<INSTRUMENT>). Slew's own",
        examples=["ZTF"],
    )
    filters: AllowedFilters = Field(
        None,
        title="Filters",
        description="Filters that the instrument has; others are then refused. A key of Slew's own",
        examples=[["ztfg", "ztfr", "ztfi"]],
    )

    @property
    def branch(self) -> Branch:
        """How plans leave (card, Credentials)."""
        named = self.type or self.allocation_type
        if named is None and self.username and self.directory and (self.password or self.private_key):
            return "scp"
        return _BRANCHES.get(named or "", "api")

    @property
    def collection(self) -> str:
        """URL of the API's plan collection."""
        if self.endpoint:
            return self.endpoint
        host = f"[{self.host}]" if self.host and ":" in self.host and self.host[0] != "[" else self.host
        return f"{self.protocol}://{host}:{self.port}{PATH}"

    @property
    def token(self) -> str:
        """The API's token."""
        found = self.access_token or self.api_token
        return found.get_secret_value() if found else ""

    @model_validator(mode="after")
    def _complete(self) -> MmaAltdata:
        if self.type and self.allocation_type and self.type != self.allocation_type:
            raise refusal([("allocation_type", "differs from type; they mean the same")])
        missing = [name for name in _NEEDED[self.branch] if not getattr(self, name) and not self._else(name)]
        if missing:
            named = self.type or self.allocation_type
            unknown = named and named not in (*_BRANCHES, "API", "api")
            hint = f" (type {named!r} is none of scp, slack, email, so it is the API)" if unknown else ""
            told = f"Missing allocation information for the {self.branch} branch{hint}"
            raise refusal([(name, told) for name in missing])
        return self

    @model_validator(mode="after")
    def _sound(self) -> MmaAltdata:
        if self.branch == "email":
            recipients(self.email or "")
        if self.branch == "api" and self.endpoint and any(mark in self.endpoint for mark in "?#"):
            raise refusal([("endpoint", "must have neither a query nor a fragment")])
        if self.branch == "api" and self.endpoint and self.host:
            raise refusal([("endpoint", "excludes protocol, host and port")])
        return self

    def _else(self, name: str) -> bool:
        """Whether another key stands for the missing one."""
        if name == "password":
            return bool(self.private_key)
        if name == "access_token":
            return bool(self.api_token)
        return self.branch == "api" and bool(self.endpoint)
