"""What is checked before a TOO leaves, beyond its own parameters (card: Credentials, Pitfalls)."""

from __future__ import annotations

from slew.errors import Invalid
from swift_too.models import ANONYMOUS, SwiftTooAltdata
from swift_too.service import Service
from swift_too.target_of_opportunity import TooPayload
from swift_too.values import BAD_CADENCE, SIGNED_ONLY_UNITS, cadence_unit

NO_ANONYMOUS = "Cannot submit TOOs from anonymous user."


def check_account(payload: TooPayload, altdata: SwiftTooAltdata) -> None:
    """Raise Invalid where this account may not make this request."""
    if altdata.username.lower() == ANONYMOUS:
        raise Invalid.field(["altdata", "username"], NO_ANONYMOUS)
    if payload.urgency in ("0", "1") and not altdata.allow_urgent:
        text = (
            f"{payload.urgency} wakes people: the allocation must allow it with allow_urgent in its altdata"
        )
        raise Invalid.field(["payload", "urgency"], text)


def check_protocol(payload: TooPayload, service: Service) -> None:
    """Raise Invalid for what only the other protocol can say."""
    if service.version == "v1.2":
        return
    if cadence_unit(payload.monitoring_freq) in SIGNED_ONLY_UNITS:
        raise Invalid.field(["payload", "monitoring_freq"], BAD_CADENCE)
    if payload.slew_in_place:
        raise Invalid.field(["payload", "slew_in_place"], "exists in protocol v1.2 only")


def notes(payload: TooPayload) -> tuple[str, ...]:
    """What the caller should know of what will be sent."""
    known = {
        "validate_only: no TOO will be made": payload.validate_only,
        "debug: Swift sends emails, but makes no TOO": payload.debug,
        "the exposure time is per visit": payload.exposure_counts > 1,
    }
    return tuple(note for note, holds in known.items() if holds)
