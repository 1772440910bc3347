"""From a change of a request to its event, with all that is needed to tell people of it."""

from __future__ import annotations

from slew import config, handover, redact
from slew.facility import Facility
from slew.notice import Notice, limited, short
from slew.records import Allocation, Event, Request
from slew.status import Status


def new_event(
    facility: Facility,
    allocation: Allocation | None,
    request: Request,
    *,
    previous: Status | None,
    action: str,
    by: str,
    seq: int,
) -> Event:
    """The event of a change, with what the publisher needs to announce it."""
    event_id = f"{request.id}-{seq:06d}"
    settings = allocation.notify if allocation else None
    notice = notice_of(
        facility, allocation, request, event_id=event_id, previous=previous, action=action, by=by
    )
    return Event(
        event_id=event_id,
        seq=seq,
        at=request.updated_at,
        action=action,
        from_status=previous.value if previous else None,
        to_status=request.status.value,
        by=by,
        text=request.text,
        reason=request.reason,
        notify={
            "channel": settings.channel if settings else "none",
            "on": list(settings.on) if settings else [],
            "handover": handover.wanted(allocation.handover, request.status.value) if allocation else [],
        },
        notice=redact.current.data(notice.as_dict()),
    )


def notice_of(
    facility: Facility,
    allocation: Allocation | None,
    request: Request,
    *,
    event_id: str,
    previous: Status | None,
    action: str,
    by: str,
) -> Notice:
    """What people are told of a request as it stands."""
    told = allocation is not None and allocation.notify.include_comments
    return Notice(
        event_id=event_id,
        at=request.updated_at,
        action=action,
        status=request.status.value,
        previous=previous.value if previous else None,
        by=by,
        text=request.text,
        reason=request.reason,
        request_id=request.id,
        facility=facility.id,
        facility_title=facility.title,
        instrument=request.instrument,
        facility_request_id=request.facility_request_id,
        target_name=request.target["name"],
        ra_deg=request.target.get("ra"),
        dec_deg=request.target.get("dec"),
        payload=limited({key: short(value) for key, value in request.payload.items()}),
        requester_name=request.requester.get("name", ""),
        requester_username=request.requester.get("username", ""),
        requester_email=request.requester.get("email", ""),
        requester_affiliation=request.requester.get("affiliation", ""),
        comment=request.comment if told else None,
        allocation_id=request.allocation_id,
        allocation_since=allocation.created_at if allocation else "",
        allocation_pi=allocation.pi if allocation else "",
        group=request.group,
        proposal_id=allocation.proposal_id if allocation else None,
        light_curve_url=_light_curve_url(request),
    )


def _light_curve_url(request: Request) -> str | None:
    if not (request.rows and request.share and config.api_url()):
        return None
    return f"{config.api_url()}/requests/{request.id}/photometry.png?key={request.share}"
