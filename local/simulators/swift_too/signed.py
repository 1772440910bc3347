"""The v1.2 endpoint of the Swift simulator: signed tokens, and jobs that are looked at a little later."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

from local.simulators.swift_too.accounts import SEEDED

JSON = dict[str, Any]
API_VERSION = "1.2"
XRT_NAMES = {"Auto": "0", "WT": "6", "PC": "7", "Null": "1", "ShortIM": "2", "LongIM": "3", "PUPD": "4"}
XRT_NAMES |= {"LRPD": "5", "Raw": "8", "Bias": "9", "PC_150": "150", "PC_200": "200", "Manual": "255"}
_TOO_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("ra", "dec", "poserr", "opt_mag", "xrt_countrate", "exposure"), (int, float)),
    **dict.fromkeys(("exp_time_per_visit", "exposure_time_per_tile"), (int, float)),
    **dict.fromkeys(("bat_countrate", "number_of_tiles", "proposal_id"), (int, float, str)),
    **dict.fromkeys(("urgency", "num_of_visits"), (int,)),
    **dict.fromkeys(("proposal", "tiling", "debug", "validate_only", "quiet", "slew_in_place"), (bool,)),
}


class NoToken(Exception):
    """It is not a token, or its signature does not fit: the service answers in plain words."""


@dataclass
class Job:
    """A queued request: how often it was asked for, and what it came to."""

    number: int
    result: JSON
    looks: int = 0


def read(token: str) -> tuple[str, str, JSON]:
    """Name, version and data of a call whose signature is its user's. Raises NoToken."""
    try:
        head, body, signature = token.split(".")
        header, content = json.loads(_raw(head)), json.loads(_raw(body))
        data: JSON = content["api_data"]
        account = SEEDED[data["username"]]
        name, version = str(content["api_name"]), str(content["api_version"])
    except (ValueError, KeyError, TypeError):
        raise NoToken("No valid JWT was given.") from None
    wanted = hmac.new(account.secret.encode(), f"{head}.{body}".encode(), hashlib.sha256).digest()
    if header != {"alg": "HS256", "typ": "JWT"} or not hmac.compare_digest(_raw(signature), wanted):
        raise NoToken("Signature verification failed.")
    if set(content) != {"api_name", "api_version", "api_data"} or "=" in token:
        raise NoToken("Unexpected claims.")
    return name, version, data


def form_of(data: JSON) -> tuple[dict[str, str], str | None]:
    """A TOO's data as v2's form, and what is wrong with its kinds, if anything is."""
    form = {}
    for name, value in data.items():
        kinds = _TOO_KINDS.get(name, (str,))
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            return {}, f"{name}: wrong type"
        form[name] = str(value).lower() if isinstance(value, bool) else str(value)
    strategy = "single" if data.get("num_of_visits") == 1 else "multiple"
    if form.pop("obs_n", strategy) != strategy:
        return {}, "obs_n does not fit num_of_visits"
    for old, new in (("source_name", "target_name"), ("source_type", "target_type")):
        if old in form:
            form[new] = form.pop(old)
    form["xrt_mode"] = XRT_NAMES.get(form.get("xrt_mode", "PC"), "unknown")
    form["exposure"] = str(int(float(form.get("exposure", "0"))))
    form.pop("slew_in_place", None)
    form.setdefault("urgency", "3")
    return form, None


def wrapped(name: str, data: JSON) -> JSON:
    """An object of this protocol."""
    return {"api_name": name, "api_version": API_VERSION, "api_data": data}


def status(text: str, **more: Any) -> JSON:
    """The status object."""
    return wrapped("Swift_TOO_Status", {"status": text, **more})


def renamed(entry: JSON) -> JSON:
    """An entry of v2 with this protocol's names and times."""
    names = {"target_name": "targname", "target_id": "targetid", "segment": "seg", "xrt_mode": "xrt"}
    names |= {"uvot_mode": "uvot", "bat_mode": "bat", "ra": "ra_point", "dec": "dec_point"}
    renamed = {names.get(key, key): value for key, value in entry.items() if key != "obs_id"}
    return {
        key: _blank(value) if key in ("begin", "settle", "end") else value for key, value in renamed.items()
    }


def with_blanks(entry: JSON) -> JSON:
    """An entry whose times have a blank between date and time, and whose object is a source."""
    names = {"target_name": "source_name", "target_type": "source_type"}
    times = ("begin", "end", "timestamp")
    return {names.get(key, key): _blank(value) if key in times else value for key, value in entry.items()}


def _blank(value: Any) -> Any:
    return value.replace("T", " ") if isinstance(value, str) else value


def _raw(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
