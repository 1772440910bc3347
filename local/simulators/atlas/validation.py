"""What the server's serializer accepts, in its words (card, "Submit" and its failure table).

A broken field is answered as a list of strings, a string, or an object within an object, as the server does
it.
"""

from __future__ import annotations

import ipaddress
import json
import math
import re
import socket
from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, TypedDict
from urllib.parse import urlsplit

from werkzeug import Request

from local.simulators.atlas.queue import mjd
from local.simulators.base import JSON

MAX_TEXT = 300
MAX_CALLBACK = 500
MAX_LINES = 100
REQUEST_TYPES = ("FP", "IMGZIP", "SSOSTACK")
_TRUE = {1, "true", "True", "TRUE", "t", "T", "1", "yes", "Yes", "on", "y", "Y"}
_FALSE = {0, "false", "False", "FALSE", "f", "F", "0", "no", "No", "off", "n", "N"}
NUMBER = "A valid number is required."
BAD_NAME = "Invalid mpc_name. May not contain quotes or semicolons"


_DEFAULTS: JSON = {
    "mpc_name": None,
    "ra": None,
    "dec": None,
    "mjd_max": None,
    "radec_epoch_year": None,
    "propermotion_ra": None,
    "propermotion_dec": None,
    "use_reduced": False,
    "comment": None,
    "callback_url": None,
    "request_type": "FP",
}


class Serializer(TypedDict):
    """What the answer depends on beside the fields: call-back prefixes always allowed, and the server's
    age.
    """

    callback_allow: Iterable[str]
    old: bool


class Invalid(Exception):
    """The request is refused with `status` (400 unless said otherwise) and `body`."""

    def __init__(self, body: JSON, status: int = 400) -> None:
        super().__init__(str(body))
        self.body, self.status = body, status


def read_body(request: Request) -> tuple[JSON, bool]:
    """The sent fields, and whether they came as a form."""
    kind = request.mimetype
    if kind in ("application/x-www-form-urlencoded", "multipart/form-data") or not request.get_data():
        return {**request.form.to_dict()}, True
    if kind != "application/json":
        raise Invalid({"detail": f'Unsupported media type "{kind}" in request.'}, 415)
    try:
        body = json.loads(request.get_data().decode("utf-8"), parse_constant=_no_constant)
    except ValueError as error:
        raise Invalid({"detail": f"JSON parse error - {error}"}) from error
    if not isinstance(body, dict):
        kind = type(body).__name__
        text = f"Invalid data. Expected a dictionary, but got {kind}."
        raise Invalid({"non_field_errors": [text]})
    return body, False


def _no_constant(name: str) -> float:
    raise ValueError(f"Out of range float values are not JSON compliant: {name!r}")


def wanted_tasks(
    sent: JSON, *, form: bool, now: float, callback_allow: Iterable[str], old: bool
) -> list[JSON]:
    """All fields of the tasks a POST asks for at `now` (Unix seconds): one, or one for each line of
    `radeclist`.
    """
    values = clean_fields(sent, form=form, callback_allow=callback_allow, old=old)
    defaults = {**_DEFAULTS, "mjd_min": round(mjd(now) - 30, 5), "send_email": not form}
    targets = split_list(sent["radeclist"]) if sent.get("radeclist") else [{}]
    wanted = [{**defaults, **values, **target} for target in targets]
    for task in wanted:
        check_task(task)
    return wanted


def clean_fields(sent: JSON, *, form: bool, callback_allow: Iterable[str], old: bool) -> JSON:
    """The known fields that were sent, each of the right type; `Invalid` with every field that is not."""
    cleaners: dict[str, Callable[[Any], Any]] = {
        **dict.fromkeys(("ra", "dec", "mjd_min", "mjd_max", "propermotion_ra", "propermotion_dec"), _number),
        "mpc_name": _mpc_name,
        "radec_epoch_year": _epoch_year,
        "use_reduced": _boolean,
        "send_email": _boolean,
        "comment": lambda value: _string(value, MAX_TEXT),
        "request_type": _request_type,
    }
    if not old:
        cleaners["callback_url"] = lambda value: _callback_url(value, callback_allow)
    fields: JSON = {}
    errors: JSON = {}
    for name, clean in cleaners.items():
        if name not in sent:
            continue
        value = None if form and sent[name] == "" else sent[name]
        try:
            fields[name] = clean(value)
        except Invalid as error:
            errors[name] = error.body["error"]
    if errors:
        raise Invalid(errors)
    return fields


def check_task(task: JSON) -> None:
    """The rules between fields, on all the fields the task would have."""
    named, ra, dec = task.get("mpc_name"), task.get("ra"), task.get("dec")
    if named and (ra is not None or dec is not None):
        raise Invalid({"mpc_name": ["mpc_name was given but RA and Dec were not empty."]})
    if not named and ra is None and dec is None:
        raise Invalid({"non_field_errors": ["Either an mpc_name or (ra, dec) must be specified."]})
    if not named and dec is None:
        raise Invalid({"dec": ["ra was set but dec is missing."]})
    if not named and ra is None:
        raise Invalid({"ra": ["dec was set but ra is missing."]})
    if task.get("request_type") == "IMGZIP":
        raise Invalid({"non_field_errors": ["IMGZIP requests must have a parent_task_id set to an FP task."]})
    if task.get("request_type") == "SSOSTACK" and not named:
        raise Invalid({"non_field_errors": ["Image stacking only works on MPC objects."]})
    first, last = task.get("mjd_min"), task.get("mjd_max")
    if last is not None and last <= 0:
        raise Invalid({"mjd_max": ["mjd_max must be a positive MJD."]})
    if last is not None and first is not None and last <= first:
        raise Invalid({"mjd_max": [f"mjd_max must be greater than mjd_min ({first} was applied)."]})


def split_list(text: Any) -> list[JSON]:
    """The targets of a `radeclist`, as the fields `ra` and `dec` or `mpc_name` of each."""
    if not isinstance(text, str):
        raise Invalid({"radeclist": "Not a valid string."})
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > MAX_LINES:
        raise Invalid({"radeclist": f"Number of lines ({len(lines)}) is above the limit of {MAX_LINES}"})
    if not lines:
        raise Invalid({"radeclist": "Error on line 1: Could not find two columns. The list is empty."})
    return [_target(line, number) for number, line in enumerate(lines, 1)]


def _target(line: str, number: int) -> JSON:
    if line.lower().startswith("mpc "):
        return {"mpc_name": line[4:].strip()}
    columns = [part for part in re.split(r"[\s,:]+", line) if part]
    if len(columns) not in (2, 6):
        text = "Could not find two columns. Separate RA and Dec with a comma or a space."
        raise Invalid({"radeclist": f"Error on line {number}: {text}"})
    try:
        values = [float(column) for column in columns]
    except ValueError as error:
        raise Invalid({"radeclist": f"Error on line {number}: {error}"}) from error
    if len(values) == 2:
        return {"ra": values[0], "dec": values[1]}
    sign = -1 if columns[3].startswith("-") else 1
    ra = 15 * (values[0] + values[1] / 60 + values[2] / 3600)
    dec = sign * (abs(values[3]) + values[4] / 60 + values[5] / 3600)
    return {"ra": round(ra, 8), "dec": round(dec, 8)}


# -- one field


def _broken(error: Any) -> Invalid:
    return Invalid({"error": error})


def _number(value: Any) -> float | None:
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise _broken([NUMBER]) from error
    if not math.isfinite(number):
        raise _broken([NUMBER])
    return number


def _boolean(value: Any) -> bool:
    if isinstance(value, (str, int, float)):
        if value in _TRUE:
            return True
        if value in _FALSE:
            return False
    raise _broken(["Must be a valid boolean."])


def _string(value: Any, limit: int) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise _broken(["Not a valid string."])
    text = str(value).strip()
    if len(text) > limit:
        raise _broken([f"Ensure this field has no more than {limit} characters."])
    return text


def _mpc_name(value: Any) -> str | None:
    name = _string(value, MAX_TEXT)
    if name and re.search(r"[\"';]", name):
        raise _broken({"mpc_name": BAD_NAME})
    return name or None


def _epoch_year(value: Any) -> float | None:
    if value is None:
        return None
    try:
        year = Decimal(str(value))
    except InvalidOperation as error:
        raise _broken([NUMBER]) from error
    if not year.is_finite():
        raise _broken([NUMBER])
    exponent = year.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -1:
        raise _broken(["Ensure that there are no more than 1 decimal places."])
    if abs(year) >= 10**6:
        raise _broken(["Ensure that there are no more than 7 digits in total."])
    return float(year)


def _request_type(value: Any) -> str:
    if value not in REQUEST_TYPES:
        raise _broken([f'"{value}" is not a valid choice.'])
    return str(value)


def _callback_url(value: Any, allowed: Iterable[str]) -> str | None:
    url = _string(value, MAX_CALLBACK)
    if not url:
        return None
    if any(url.startswith(prefix) for prefix in allowed):
        return url
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"\s", url):
        raise _broken(["Enter a valid URL."])
    problem = _callback_problem(parts.scheme, parts.hostname, credentials="@" in parts.netloc)
    if problem:
        raise _broken({"callback_url": problem})
    return url


def _callback_problem(scheme: str, host: str, *, credentials: bool) -> str | None:
    if scheme != "https":
        return "callback_url must use https"
    if credentials:
        return "callback_url must not contain credentials"
    try:
        if host.endswith(".invalid"):  # never resolves (RFC 6761): no need to ask a name server
            raise OSError("[Errno -2] Name or service not known")
        addresses = {str(info[4][0]) for info in socket.getaddrinfo(host, 443)}
    except OSError as error:
        return f"callback_url hostname could not be resolved: {error}"
    if not all(ipaddress.ip_address(address.partition("%")[0]).is_global for address in addresses):
        return "callback_url must resolve to a public address"
    return None
