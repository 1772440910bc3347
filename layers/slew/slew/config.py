"""What a deployment sets, read from the environment when it is asked for."""

from __future__ import annotations

import os
from urllib.parse import urlsplit


def table() -> str:
    """Name of the DynamoDB table."""
    return os.environ["SLEW_TABLE"]


def bucket() -> str:
    """Name of the S3 bucket."""
    return os.environ["SLEW_BUCKET"]


def product_limit() -> int:
    """Bytes over which a product is left at the facility."""
    return int(os.environ.get("SLEW_PRODUCT_LIMIT_MB") or 2048) * 1024 * 1024


def field_grid(instrument: str) -> str | None:
    """Key in the bucket of an instrument's field grid: `SLEW_FIELD_GRID_<INSTRUMENT>`."""
    return os.environ.get(f"SLEW_FIELD_GRID_{instrument.upper()}") or None


def poll_every_s(default: float) -> float:
    """Seconds between two looks at a request that waits (`SLEW_POLL_EVERY_S`), else the card's."""
    return float(os.environ.get("SLEW_POLL_EVERY_S") or default)


def is_configured(url: str) -> bool:
    """Whether a URL's origin is that of an address which the deployment has set (`SLEW_..._URL`)."""
    known = {
        _origin(value)
        for name, value in os.environ.items()
        if name.startswith("SLEW_") and name.endswith("_URL") and "://" in value
    }
    return _origin(url) in known


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def ca_bundle() -> str:
    """Path of a PEM file of further certificate authorities (`SLEW_CA_BUNDLE`), or nothing."""
    return os.environ.get("SLEW_CA_BUNDLE", "")


def facility_url(facility: str, default: str, suffix: str = "") -> str:
    """Base URL of a facility without a trailing slash.

    `SLEW_<FACILITY>[_<SUFFIX>]_URL`, else the card's default.
    """
    name = "_".join(part for part in ("SLEW", facility.upper(), suffix.upper(), "URL") if part)
    return (os.environ.get(name) or default).rstrip("/")


def slack_url() -> str:
    """Base URL of Slack's incoming webhooks, without a trailing slash."""
    return facility_url("slack", "https://hooks.slack.com")


def api_url() -> str:
    """Base URL of this API as people reach it, without a trailing slash; empty where it is not told."""
    return os.environ.get("SLEW_API_URL", "").rstrip("/")


def portal_url() -> str:
    """Base URL of the marshal whose pages messages link to, without a trailing slash; empty for none."""
    return os.environ.get("SLEW_PORTAL_URL", "").rstrip("/")


def email_from() -> str:
    """Sender of email, empty if the deployment has none."""
    return os.environ.get("SLEW_EMAIL_FROM", "")


def endpoint_allow_list() -> tuple[str, ...]:
    """Hosts, `host:port`s and CIDRs that a user's URL may name although they are private or without TLS."""
    return tuple(
        entry.strip() for entry in os.environ.get("SLEW_ENDPOINT_ALLOW_LIST", "").split(",") if entry.strip()
    )


def record_retention_days() -> int:
    """Days after which an ended request is removed; 0 keeps it."""
    return int(os.environ.get("SLEW_RECORD_RETENTION_DAYS") or 0)
