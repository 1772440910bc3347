"""The portal's JSON of what it stores. Detail and list differ, as they do in the portal."""

from __future__ import annotations

from typing import Any

from local.simulators.observation_portal.fields import show_time
from local.simulators.observation_portal.groups import Group, Observation, Request, Status

JSON = dict[str, Any]


def group(stored: Group) -> JSON:
    """A requestgroup as POST, GET detail and cancel answer it."""
    return {
        "id": stored.id,
        "requests": [request(child) for child in stored.requests],
        **_group_fields(stored),
    }


def listed_group(stored: Group) -> JSON:
    """A requestgroup as an element of the list."""
    children = [listed_request(child) for child in stored.requests]
    return {"id": stored.id, **_group_fields(stored), "requests": children}


def request(stored: Request) -> JSON:
    """A request as GET detail answers it."""
    return {
        "id": stored.id,
        "location": stored.body["location"],
        "configurations": stored.body["configurations"],
        **_request_fields(stored),
        "created": show_time(stored.created),
    }


def listed_request(stored: Request) -> JSON:
    """A request as an element of a list."""
    configurations = [_listed_configuration(member) for member in stored.body["configurations"]]
    return {
        "id": stored.id,
        **_request_fields(stored),
        "configurations": configurations,
        "location": stored.body["location"],
    }


def observation_of_request(stored: Observation) -> JSON:
    """An observation as `/requests/{id}/observations/` lists it."""
    return {
        "id": stored.id,
        "request": stored.request,
        **_observation_fields(stored),
        "configuration_statuses": [
            status(member) | {"summary": member.summary or {}} for member in stored.statuses
        ],
    }


def observation(stored: Observation) -> JSON:
    """An observation as `/observations/{id}/` answers it."""
    return {
        **_observation_fields(stored),
        "configuration_statuses": [status(member) for member in stored.statuses],
        "request": stored.request,
        "modified": show_time(stored.modified),
        "created": show_time(stored.created),
    }


def status(stored: Status) -> JSON:
    """One configuration of an observation."""
    summary = None
    if stored.summary is not None:
        summary = {key: value for key, value in stored.summary.items() if key != "id"}
    return {
        "id": stored.id,
        "summary": summary,
        "instrument_name": stored.instrument,
        "guide_camera_name": stored.guider,
        "state": stored.state,
        "configuration": stored.configuration,
    }


def _group_fields(stored: Group) -> JSON:
    return {
        "submitter": stored.submitter,
        "proposal": stored.proposal,
        "name": stored.name,
        "observation_type": stored.observation_type,
        "operator": stored.operator,
        "ipp_value": stored.ipp_value,
        "state": stored.state,
        "created": show_time(stored.created),
        "modified": show_time(stored.modified),
    }


def _request_fields(stored: Request) -> JSON:
    body = stored.body
    suspended = body["suspend_until"]
    return {
        "windows": [
            {edge: show_time(window[edge]) for edge in ("start", "end")} for window in body["windows"]
        ],
        "duration": body["duration"],
        "observation_note": body["observation_note"],
        "optimization_type": body["optimization_type"],
        "state": stored.state,
        "suspend_until": show_time(suspended) if suspended else None,
        "modified": show_time(stored.modified),
        "acceptability_threshold": body["acceptability_threshold"],
        "configuration_repeats": body["configuration_repeats"],
        "extra_params": body["extra_params"],
    }


def _listed_configuration(member: JSON) -> JSON:
    unlisted = {"max_seeing", "min_transparency"}
    constraints = {key: value for key, value in member["constraints"].items() if key not in unlisted}
    acquisition = dict(member["acquisition_config"])
    if acquisition["exposure_time"] is None:
        del acquisition["exposure_time"]
    return {
        **member,
        "repeat_duration": member.get("repeat_duration"),
        "instrument_configs": [config | {"rois": []} for config in member["instrument_configs"]],
        "constraints": constraints,
        "acquisition_config": acquisition,
        "target": {"hour_angle": None, **member["target"]},
    }


def _observation_fields(stored: Observation) -> JSON:
    return {
        "site": stored.site,
        "enclosure": stored.enclosure,
        "telescope": stored.telescope,
        "start": show_time(stored.start),
        "end": show_time(stored.end),
        "priority": stored.priority,
        "state": stored.state,
    }
