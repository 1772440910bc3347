"""Credentials of ZTF triggering (card ztf.md: Credentials)."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, model_validator

from slew.facility import Altdata
from slew.models import Line
from slew.validation import refusal

_LONGEST_TOKEN = 4000


def _header_safe(value: SecretStr) -> SecretStr:
    text = value.get_secret_value().strip()
    if not 1 <= len(text) <= _LONGEST_TOKEN or any(not "!" <= character <= "~" for character in text):
        raise ValueError(
            f"must be 1 to {_LONGEST_TOKEN} printable ASCII characters without blanks (and without `Bearer`)"
        )
    return SecretStr(text)


def _password(value: SecretStr) -> SecretStr:
    # A shorter one could not be kept out of the records without blackening every word that holds it.
    text = value.get_secret_value()
    if not 4 <= len(text) <= 200 or not (text.isascii() and text.isprintable()):
        raise ValueError("must be 4 to 200 printable ASCII characters")
    return value


def _login_user(value: str) -> str:
    if ":" in value or not value.isascii():
        raise ValueError("must be ASCII without a colon, which ends the user's name in HTTP authentication")
    return value


def _base(value: str) -> str:
    if not value.startswith(("https://", "http://")) or "?" in value or "#" in value:
        raise ValueError("must be an absolute https URL without query and fragment")
    return value.rstrip("/")


class ZtfAltdata(Altdata):
    """The gateway's token and, to see what has been executed, the login at IPAC's nightly depot."""

    access_token: Annotated[SecretStr, AfterValidator(_header_safe)] = Field(
        title="Token",
        description="Bearer token of the gateway: on Kowalski the admin user's JWT, on ztfpass a listed one",
    )
    depot: Annotated[Line, Field(max_length=500), AfterValidator(_base)] | None = Field(
        None,
        title="Depot",
        description="Base URL of IPAC's nightly depot; with its login, executed exposures are told",
        examples=["https://ztfweb.ipac.caltech.edu/ztf/depot"],
    )
    depot_username: (
        Annotated[Line, Field(min_length=1, max_length=100), AfterValidator(_login_user)] | None
    ) = Field(None, title="Depot user", description="User of the depot's HTTP login")
    depot_password: Annotated[SecretStr, AfterValidator(_password)] | None = Field(
        None, title="Depot password", description="Its password; 4 to 200 characters"
    )
    ipac_http_user: Line | None = Field(
        None, title="IPAC user", description="Of facility `ztf_forced_photometry`; taken and not used here"
    )
    ipac_http_password: SecretStr | None = Field(
        None,
        title="IPAC password",
        description="Of facility `ztf_forced_photometry`; taken and not used here",
    )
    ipac_email: Line | None = Field(
        None, title="IPAC e-mail", description="Of facility `ztf_forced_photometry`; taken and not used here"
    )
    ipac_userpass: SecretStr | None = Field(
        None,
        title="IPAC personal password",
        description="Of facility `ztf_forced_photometry`; taken and not used here",
    )

    @model_validator(mode="after")
    def _whole_login(self) -> ZtfAltdata:
        parts = {
            "depot": self.depot,
            "depot_username": self.depot_username,
            "depot_password": self.depot_password,
        }
        missing = [name for name, value in parts.items() if value is None]
        if missing and len(missing) < len(parts):
            told = "is missing: depot, depot_username and depot_password go together"
            raise refusal([(name, told) for name in missing])
        return self
