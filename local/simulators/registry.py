"""Which class simulates which facility: facility id -> `module:Class`. A new facility adds its line here.

Beside `local.simulators.base.Simulator`'s own interface, a class may have `base_url`, where the facility's
base is not the root of the server, and `extra_urls()`, a map of suffix to URL for a facility of several bases
(`{"archive": ...}` of `lco` becomes `SLEW_LCO_ARCHIVE_URL`).
"""

from __future__ import annotations

from importlib import import_module

from local.simulators.base import SimulatedClock, Simulator

SIMULATORS = {
    "atlas_forced_photometry": "local.simulators.atlas:AtlasServer",
    "generic": "local.simulators.endpoint:EndpointServer",
    "gemini": "local.simulators.gemini:GeminiServer",
    "kait": "local.simulators.kait:KaitServer",
    "lco": "local.simulators.observation_portal.app:LCOPortal",
    "lt": "local.simulators.lt:LtServer",
    "mma": "local.simulators.mma:MmaServer",
    "nicer": "local.simulators.nicer:NicerServer",
    "sedm": "local.simulators.sedm:SedmServer",
    "slack": "local.simulators.slack:SlackServer",
    "soar": "local.simulators.observation_portal.app:SoarPortal",
    "swift_too": "local.simulators.swift_too:SwiftTooServer",
    "swift_xrt": "local.simulators.swift_xrt:SwiftXrtServer",
    "winter": "local.simulators.winter:WinterServer",
    "ztf": "local.simulators.ztf:ZtfServer",
    "ztf_forced_photometry": "local.simulators.ztf_forced_photometry:ZtfForcedPhotometryServer",
}


def create(name: str, clock: SimulatedClock) -> Simulator:
    """A facility's simulator, not started. Raises KeyError for an unknown one."""
    module, _, class_name = SIMULATORS[name].partition(":")
    simulator: Simulator = getattr(import_module(module), class_name)(clock)
    return simulator
