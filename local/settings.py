"""The template's parameters on one machine: facilities are simulators unless the environment says not."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

# Email works on one machine, to the embedded SES; `example.org` is nobody's.
EMAIL = {"EmailFrom": "slew@example.org", "EmailIdentity": "example.org"}
ALLOW_LIST = "EndpointAllowList"
_USER_GIVEN = ("generic", "mma", "sedm")  # facilities whose addresses stand in the allocations
# What a deployment has to agree with a facility first, or to decide: simulators take it.
AGREED = {"NicerEnabled": "true", "SedmRequestNumbers": "900000-999999", "WinterSpacingSeconds": "0"}


@dataclass(frozen=True)
class SimulatorUrls:
    """Where a simulator serves: its root (control routes), the facility's base, and further bases."""

    url: str
    base_url: str
    extra_urls: Mapping[str, str] = field(default_factory=dict)


def parameters(
    template: Mapping[str, Any],
    simulators: Mapping[str, SimulatorUrls],
    given: Mapping[str, str],
    environ: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """Values of the template's parameters: those given, else the environment's, else the simulators'.

    Raises ValueError if a facility would be the real one although there are simulators: nothing triggers a
    telescope from here unless the environment says so.
    """
    declared: Mapping[str, Mapping[str, Any]] = template.get("Parameters", {})
    values = {name: value for name, value in EMAIL.items() if name in declared}
    if simulators:
        values |= {name: value for name, value in AGREED.items() if name in declared}
    for name, about in declared.items():
        if name.endswith("Url") and (url := _facility_url(name, simulators, environ)):
            values[name] = url
        elif name.endswith("Url") and about.get("Default") and simulators and name not in given:
            raise ValueError(f"parameter {name}: no simulator, and {environment_name(name)} is not set")
    if ALLOW_LIST in declared:
        values[ALLOW_LIST] = _allow_list(simulators, environ)
    return {**values, **given}


def environment_name(parameter: str) -> str:
    """`LcoArchiveUrl` -> `SLEW_LCO_ARCHIVE_URL`."""
    return f"SLEW_{_snake(parameter).upper()}"


def _facility_url(
    parameter: str, simulators: Mapping[str, SimulatorUrls], environ: Mapping[str, str]
) -> str | None:
    if url := environ.get(environment_name(parameter)):
        return url
    facility = _snake(parameter).removesuffix("_url")
    for name, simulator in simulators.items():
        if facility == name:
            return simulator.base_url
        for suffix, url in simulator.extra_urls.items():
            if facility == f"{name}_{suffix}":
                return url
    return None


def _allow_list(simulators: Mapping[str, SimulatorUrls], environ: Mapping[str, str]) -> str:
    users = [simulators[name] for name in _USER_GIVEN if name in simulators]
    urls = [url for each in users for url in (each.url, *each.extra_urls.values())]
    if url := environ.get("SLEW_GENERIC_URL"):
        urls.append(url)
    entries = [urlsplit(url).netloc for url in urls]
    return ",".join([*entries, *filter(None, [environ.get("SLEW_ENDPOINT_ALLOW_LIST", "")])])


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
