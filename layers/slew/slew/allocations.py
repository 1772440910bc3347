"""Allocations: who may use whose time, with which credentials, and who is told.

The record names the version of its secret before that is written, so that a half-finished change is found out
instead of used.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import SecretStr

from slew import clock, handover, misplaced, redact, store, vault, work
from slew.email_message import recipients
from slew.errors import Conflict, FacilityError, Invalid, MethodNotAllowed, Unavailable
from slew.facility import Altdata, Facility
from slew.models import AllocationBody, AllocationPatch, NotificationKeys, Notify
from slew.principals import Principal, Role
from slew.records import Allocation, NotifySettings
from slew.status import ANNOUNCED_BY_DEFAULT
from slew.validation import parse

_SECRET_LIMIT = 60 * 1024  # Secrets Manager takes 64 KiB
_SLACK_KEYS = ("slack_workspace", "slack_channel", "slack_token")


def create(facility: Facility, body: AllocationBody, principal: Principal) -> Allocation:
    """Make an allocation. Raises Forbidden, Conflict (id taken), Invalid."""
    principal.require(Role.MANAGER, body.group)
    now = clock.isoformat(clock.now())
    blank = Allocation(
        id=body.id or secrets.token_hex(8),
        facility=facility.id,
        pi=body.pi,
        group=body.group,
        created_at=now,
        updated_at=now,
        created_by=principal.id,
        secret_version="",
    )
    return _replace(facility, blank, body, None)


def replace_whole(
    facility: Facility, allocation: Allocation, body: AllocationBody, principal: Principal
) -> Allocation:
    """Put a new content in place of the old: what is not given is gone.

    Raises Forbidden, Conflict, Invalid.
    """
    principal.require(Role.MANAGER, allocation.group)
    principal.require(Role.MANAGER, body.group)
    if body.id not in (None, allocation.id):
        raise Invalid.field(["id"], "is the allocation's name and cannot be changed")
    return _replace(facility, allocation, body, allocation.version)


def merge(
    facility: Facility, allocation: Allocation, patch: AllocationPatch, principal: Principal
) -> Allocation:
    """Change what is given and keep the rest. Raises Forbidden, Conflict, Invalid."""
    principal.require(Role.MANAGER, allocation.group)
    principal.require(Role.MANAGER, patch.group or allocation.group)
    given = patch.model_fields_set
    kept = vault.read(vault.name(facility.id, allocation.id), allocation.secret_version)
    notify = allocation.notify_given
    if "notify" in given:
        notify = None if patch.notify is None else _merged(notify or {}, patch.notify)
    # The secrets of `notify` cannot be read here: those that still stand as masks stay as they are.
    masked = {key for key, value in (notify or {}).items() if value == redact.MASK}
    if masked and masked != set(_SLACK_KEYS):
        raise Invalid.field(["notify", min(set(_SLACK_KEYS) - masked)], "must be given with its two siblings")
    notify = notify and {key: value for key, value in notify.items() if key not in masked}
    body: dict[str, Any] = {
        "instrument": allocation.instrument,
        "pi": allocation.pi,
        "group": allocation.group,
        "proposal_id": allocation.proposal_id,
        "validity_ranges": list(allocation.validity_ranges) or None,
        "limits": dict(allocation.limits) or None,
        **patch.model_dump(mode="json", include=given - {"altdata", "notify", "handover"}),
        "altdata": _merged(kept, patch.altdata or {}),
        "notify": notify,
    }
    if "handover" in given:
        body["handover"] = patch.handover
    return _replace(
        facility,
        allocation,
        parse(AllocationBody, body),
        allocation.version,
        keep_hook=bool(masked),
        keep_handover="handover" not in given,
    )


def remove(facility: Facility, allocation: Allocation, principal: Principal, *, force: bool) -> None:
    """Remove an allocation and its secrets.

    Raises Forbidden; Conflict while requests are live, unless forced.
    """
    principal.require(Role.MANAGER, allocation.group)
    if not force:
        _demand_idle(allocation)
    # The record goes last, and until then names a secret that there is not: a removal that breaks off leaves
    # an allocation that cannot be used and can be removed again, no secret that nobody knows of.
    version = allocation.version + 1
    going = replace(allocation, secret_version=vault.new_version(), version=version)
    try:
        store.put_allocation(going, allocation.version)
        if not force:
            try:
                _demand_idle(allocation)  # what was being submitted when it was looked at first
            except Conflict:
                store.put_allocation(replace(allocation, version=version + 1), version)
                raise
        for owner in (facility.id, "notify"):
            vault.remove(vault.name(owner, allocation.id))
        vault.remove(handover.secret_of(allocation.id))
        store.delete_allocation(going)
    except store.Outdated:
        raise Conflict(f"allocation {allocation.id} has just been changed; read it again") from None


def _demand_idle(allocation: Allocation) -> None:
    live = store.live_requests(allocation)
    if live:
        named = ", ".join(request.id for request in live[:5])
        raise Conflict(
            f"{len(live)} request(s) of allocation {allocation.id} are live ({named}): cancel them"
        )


def verify(facility: Facility, allocation: Allocation, principal: Principal) -> dict[str, Any]:
    """Make a harmless authenticated call at the facility. Raises Forbidden, MethodNotAllowed, Unavailable."""
    principal.require(Role.OBSERVER, allocation.group)
    if not facility.can("verify"):
        raise MethodNotAllowed(facility.no_verify)
    case = work.open_case(facility, allocation)
    try:
        found = facility.verify(case.altdata, case.link)
    except FacilityError as error:
        raise Unavailable(
            f"{facility.title} could not be asked: {error.reason}", headers=error.wait_header
        ) from None
    shown: dict[str, Any] = case.redactor.data(
        {"valid": found.valid, "text": found.text, "details": dict(found.details)}
    )
    return shown


def _replace(
    facility: Facility,
    allocation: Allocation,
    body: AllocationBody,
    expected_version: int | None,
    *,
    keep_hook: bool = False,
    keep_handover: bool = False,
) -> Allocation:
    """Check and keep an allocation's new content.

    `keep_hook`: the webhook of `notify` stays as it is; `keep_handover`: where results are pushed to.
    """
    raw = {key: value for key, value in body.altdata.items() if not _blank(facility, key, value)}
    _refuse_masks(raw, "altdata")
    altdata = parse(facility.Altdata, raw, ["altdata"])
    redactor = redact.use(redact.Redactor(work.secret_values(altdata)))
    _refuse_credentials(redactor, allocation, body)
    facility.check_altdata(altdata)
    if body.instrument is not None:
        facility.choose_instrument(body.instrument)
    if body.limits and body.limits.exposure_hours is not None and not facility.can("exposure_s"):
        raise Invalid.field(["limits", "exposure_hours"], "payloads here do not tell their exposure time")
    if expected_version is not None and body.group != allocation.group and store.live_requests(allocation):
        raise Conflict(
            f"allocation {allocation.id} has live requests, which belong to its group: cancel them"
        )
    pushed = None if body.handover is None else parse(handover.Handover, body.handover, ["handover"])
    settings, addresses = _notify_settings(facility, altdata, body.notify, keep_hook=keep_hook)
    public, secret_keys = _parted(altdata, raw)
    changed = replace(
        allocation,
        instrument=body.instrument,
        pi=body.pi,
        group=body.group,
        proposal_id=body.proposal_id,
        validity_ranges=tuple(
            {"start_date": clock.isoformat(each.start_date), "end_date": clock.isoformat(each.end_date)}
            for each in body.validity_ranges or ()
        ),
        limits=body.limits.model_dump(exclude_none=True) if body.limits else {},
        altdata=public,
        secret_keys=secret_keys,
        notify=settings,
        notify_given=_notify_given(body.notify, keep_hook=keep_hook),
        handover=allocation.handover if keep_handover else handover.settings(pushed),
        updated_at=clock.isoformat(clock.now()),
        secret_version=vault.new_version(),
        version=1 if expected_version is None else expected_version + 1,
    )
    _keep(facility, changed, raw, addresses, expected_version)
    if not keep_handover:
        handover.keep(changed.id, changed.created_at, pushed)
    return changed


def _keep(
    facility: Facility,
    changed: Allocation,
    raw: Mapping[str, Any],
    addresses: Mapping[str, str] | None,
    expected_version: int | None,
) -> None:
    """Write the record, then the secrets that it names; `addresses` empty leaves those of announcements."""
    if len(json.dumps(raw)) > _SECRET_LIMIT:
        raise Invalid.field(["altdata"], f"is over {_SECRET_LIMIT // 1024} KiB")
    try:
        store.put_allocation(changed, expected_version)
    except store.Outdated:
        what = "exists already" if expected_version is None else "has just been changed; read it again"
        raise Conflict(f"allocation {changed.id} {what}") from None
    vault.write(vault.name(facility.id, changed.id), raw, changed.secret_version)
    if addresses:
        known = {**addresses, vault.SINCE: changed.created_at}
        vault.write(vault.name("notify", changed.id), known, vault.new_version())
    elif addresses is None:
        vault.remove(vault.name("notify", changed.id))


def _blank(facility: Facility, key: str, value: Any) -> bool:
    """Whether an altdata entry is dropped: blank, and of a key that exists (a misspelt one is to be told)."""
    known = {
        str(name)
        for field, info in facility.Altdata.model_fields.items()
        for name in (field, info.alias, *_choices(info.validation_alias))
    }
    return key in known and (value is None or not str(value).strip())


def _notify_settings(
    facility: Facility, altdata: Altdata, notify: Notify | None, *, keep_hook: bool
) -> tuple[NotifySettings, dict[str, str] | None]:
    """The settings, and the addresses to keep: None for no channel, empty where they stay as they are."""
    own = notify.notification_type if notify else None
    channel = own or facility.notification_type(altdata) or "none"
    source: NotificationKeys = notify if notify and own else altdata
    place = "notify" if notify and own else "altdata"
    statuses = notify.on if notify and notify.on is not None else None
    settings = NotifySettings(
        channel=channel,
        on=ANNOUNCED_BY_DEFAULT if statuses is None else tuple(status.value for status in statuses),
        include_comments=source.include_comments or bool(notify and notify.include_comments),
    )
    if channel == "none":
        return settings, None
    if channel == "slack":
        return settings, {} if keep_hook and place == "notify" else _slack_address(source, place)
    return settings, _email_address(source, place)


def _slack_address(keys: NotificationKeys, place: str) -> dict[str, str]:
    given = {name: getattr(keys, name) for name in _SLACK_KEYS}
    for name, value in given.items():
        if value is None:
            raise Invalid.field([place, name], "is needed for notification_type slack")
    return {name: value.get_secret_value() for name, value in given.items()}


def _email_address(keys: NotificationKeys, place: str) -> dict[str, str]:
    if not keys.email:
        raise Invalid.field([place, "email"], "is needed for notification_type email")
    try:
        recipients(keys.email)
    except ValueError as error:
        raise Invalid.field([place, "email"], str(error)) from None
    return {"email": keys.email}


def _parted(altdata: Altdata, raw: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The altdata as it was given, without its secrets, and the names of those."""
    fields = type(altdata).model_fields
    secret = {
        str(alias)
        for name, field in fields.items()
        if isinstance(getattr(altdata, name), SecretStr)
        for alias in (name, field.alias, *_choices(field.validation_alias))
        if alias
    }
    known = secret & set(raw)
    return {key: value for key, value in raw.items() if key not in known}, tuple(sorted(known))


def _choices(alias: Any) -> tuple[str, ...]:
    if alias is None:
        return ()
    return tuple(str(each) for each in getattr(alias, "choices", (alias,)))


def _notify_given(notify: Notify | None, *, keep_hook: bool) -> dict[str, Any] | None:
    if notify is None:
        return None
    given = notify.model_dump(mode="json", exclude_unset=True)
    hook = dict.fromkeys(_SLACK_KEYS, redact.MASK) if keep_hook else {}
    return {**{key: redact.MASK if key in _SLACK_KEYS else value for key, value in given.items()}, **hook}


def _refuse_credentials(redactor: redact.Redactor, allocation: Allocation, body: AllocationBody) -> None:
    """Refuse what would show a credential; an address of announcements may itself be the account's."""
    told = {name: getattr(body, name) for name in ("instrument", "pi", "group", "proposal_id")}
    misplaced.in_allocation(redactor, {"id": allocation.id, **told})
    addresses = (body.notify.email if body.notify else None) or ""
    if any(redactor.holds(each) and redactor.text(each) != redact.MASK for each in addresses.split(",")):
        raise Invalid.field(["notify", "email"], misplaced.TOLD)


def _refuse_masks(values: Mapping[str, Any], place: str) -> None:
    for key, value in values.items():
        if value == redact.MASK:
            raise Invalid.field([place, key], "is the mask that stands for a secret, not a value")


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Old values with new ones over them.

    Null removes a key, and a mask that came back leaves the old one.
    """
    merged = {**old, **{key: value for key, value in new.items() if value != redact.MASK}}
    return {key: value for key, value in merged.items() if value is not None}
