"""ConfigDB and DowntimeDB on loopback: from them the portal learns what telescopes there are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from tests.contract.portal.instruments import (
    CONFIGURATION_TYPES,
    INSTRUMENTS,
    Elements,
    Instrument,
    Modes,
)
from tests.contract.portal.sites import SITES, TELESCOPES, Site

Json = dict[str, Any]

_DOWNTIME = "%Y-%m-%dT%H:%M:%SZ"


class ConfigDB:
    """Answers ``GET /sites/`` and ``GET /api/`` (downtimes) until closed; while ``unreachable``, 503.

    The portal keeps what it has read for 15 minutes, so a change shows after its restart.
    """

    def __init__(self) -> None:
        self.unreachable = False
        self._downtimes: list[Json] = []
        self._sites = _page([_site(site) for site in SITES])
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = Thread(target=self._server.serve_forever, name="configdb", daemon=True)
        self._thread.start()

    def close_telescopes(self, telescope_class: str, start: datetime, end: datetime) -> None:
        """Announce a downtime of every telescope of a class ("1m0"), with all its instruments."""
        times = {"start": f"{start:{_DOWNTIME}}", "end": f"{end:{_DOWNTIME}}", "instrument_type": ""}
        for site in SITES:
            for place in site.telescopes:
                enclosure, telescope = place.split(".")
                if telescope.startswith(telescope_class):
                    self._downtimes.append(
                        {"site": site.code, "enclosure": enclosure, "telescope": telescope, **times}
                    )

    def close(self) -> None:
        """Stop answering and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answers = {"/sites/": owner._sites, "/api/": _page(owner._downtimes)}
                answer = answers.get(self.path.partition("?")[0])
                if owner.unreachable or answer is None:
                    self.send_error(503 if owner.unreachable else 404)
                    return
                body = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler


def instrument_types() -> list[str]:
    """The codes of all instrument types, each of which gets its own time allocation."""
    return [instrument.code for instrument in INSTRUMENTS.values()]


def _page(results: list[Json]) -> Json:
    return {"count": len(results), "next": None, "previous": None, "results": results}


def _site(site: Site) -> Json:
    enclosures: dict[str, list[Json]] = {}
    for place, instruments in site.telescopes.items():
        enclosure, telescope = place.split(".")
        enclosures.setdefault(enclosure, []).append(_telescope(site, telescope, instruments))
    return {
        "code": site.code,
        "name": site.code,
        "active": True,
        "elevation": site.elevation,
        "timezone": site.utc_offset,
        "enclosure_set": [
            {"code": code, "name": code, "active": True, "telescope_set": telescopes}
            for code, telescopes in enclosures.items()
        ],
    }


def _telescope(site: Site, code: str, instruments: tuple[str, ...]) -> Json:
    kind = TELESCOPES[code[:3]]
    return {
        "code": code,
        "name": kind.name,
        "active": True,
        "aperture": kind.aperture,
        "lat": site.lat,
        "long": site.lon,
        "horizon": kind.horizon,
        "ha_limit_pos": kind.hour_angle_limit,
        "ha_limit_neg": -kind.hour_angle_limit,
        "zenith_blind_spot": 0.0,
        "slew_rate": 0.0,
        "minimum_slew_overhead": 2.0,
        "maximum_slew_overhead": 2.0,
        "instrument_change_overhead": 0.0,
        "instrument_set": [_mounted(code) for code in instruments],
    }


def _mounted(code: str) -> Json:
    letters = code.rstrip("0123456789")
    kind = INSTRUMENTS[letters]
    cameras = [code + suffix for suffix in kind.camera_suffixes]
    width, height = kind.pixels
    science = _camera_type(kind.code, kind.name, width, height, kind.arcsec_per_pixel)
    guider = _camera_type("AG", "AG", 1024, 1024, 0.34)
    # An instrument of one wheel per camera (MuSCAT) and one of all wheels on its only camera read alike here.
    wheels: list[tuple[Elements, ...]] = [kind.elements]
    if len(cameras) > 1:
        wheels = [(wheel,) for wheel in kind.elements]
    return {
        "code": code,
        "state": "SCHEDULABLE",
        "autoguider_camera": _camera(cameras[0] if kind.self_guiding else f"ag-{code}", guider, ()),
        "science_cameras": [
            _camera(camera, science, on_it) for camera, on_it in zip(cameras, wheels, strict=True)
        ],
        "instrument_type": _instrument_type(kind),
    }


def _camera_type(code: str, name: str, width: int, height: int, scale: float) -> Json:
    return {
        "code": code,
        "name": name,
        "pixels_x": width,
        "pixels_y": height,
        "pscale": scale,
        "max_rois": 0,
    }


def _camera(code: str, camera_type: Json, wheels: tuple[Elements, ...]) -> Json:
    return {
        "code": code,
        "orientation": 0.0,
        "camera_type": camera_type,
        "optical_element_groups": [
            {
                "name": wheel.name,
                "type": f"{wheel.name}s",
                "element_change_overhead": wheel.change_s,
                "default": wheel.default,
                "optical_elements": [
                    {"name": element, "code": element, "schedulable": True} for element in wheel.codes
                ],
            }
            for wheel in wheels
        ],
    }


def _instrument_type(kind: Instrument) -> Json:
    return {
        "code": kind.code,
        "name": kind.name,
        "instrument_category": "SPECTRA" if kind.spectrograph else "IMAGE",
        "fixed_overhead_per_exposure": kind.exposure_overhead,
        "observation_front_padding": kind.padding,
        "config_front_padding": 16.0,
        "acquire_exposure_time": 30.0 if kind.spectrograph else 0.0,
        "default_acceptability_threshold": 100.0 if kind.spectrograph else 90.0,
        "allow_self_guiding": kind.self_guiding,
        "default_configuration_type": "SPECTRUM" if kind.spectrograph else "EXPOSE",
        "configuration_types": [_configuration_type(code) for code in kind.configuration_types],
        "mode_types": [_mode_type(name, modes) for name, modes in kind.modes.items()],
        "validation_schema": _rules(kind),
    }


def _configuration_type(code: str) -> Json:
    elements, acquisition_off, schedulable, overhead = CONFIGURATION_TYPES[code]
    return {
        "name": code.replace("_", " ").title(),
        "code": code,
        "config_change_overhead": overhead,
        "requires_optical_elements": elements,
        "force_acquisition_off": acquisition_off,
        "schedulable": schedulable,
        "validation_schema": {},
    }


def _mode_type(name: str, modes: Modes) -> Json:
    listed: list[Json] = [
        {"name": code, "code": code, "overhead": overhead, "schedulable": True, "validation_schema": rules}
        for code, (overhead, rules) in modes.modes.items()
    ]
    described: Json = {"type": name, "modes": listed}
    if modes.default is not None:
        described["default"] = modes.default
    return described


def _rules(kind: Instrument) -> Json:
    per_config: dict[str, Any] = dict(kind.extra_config_rules)
    if kind.defocus_mm is not None:
        per_config["defocus"] = {"type": "float", "min": -kind.defocus_mm, "max": kind.defocus_mm}
    rules: Json = {}
    if kind.extra_rules:
        rules["extra_params"] = {"type": "dict", "schema": dict(kind.extra_rules)}
    if per_config:
        config: Mapping[str, Any] = {"extra_params": {"type": "dict", "schema": per_config}}
        rules["instrument_configs"] = {"type": "list", "schema": {"type": "dict", "schema": config}}
    return rules
