"""Records what the official client, swifttools, sends for given inputs: made `v2.json` and `v1.2.json`.

Run it once with the interpreter of a throw-away environment for each generation of the client:

    pip install swifttools==4.0.5            then   python record.py v2.json
    pip install swifttools==3.0.23 astropy   then   python record.py v1.2.json

Each input holds a target and a payload as Slew takes them; how they are spelt for the client is written down
here a second time, apart from Slew's own translation. The server is on loopback and accepts everything.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

JSON = dict[str, Any]
USERNAME, SECRET = "rubin_too", "7c1f-Q2-example"
TARGET = {"name": "ZTF26aabcdef", "ra": 150.114042, "dec": 2.205811}
WORDS = {
    "exp_time_just": "4 ks reaches 2.5e-3 ct/s at S/N > 3.",
    "immediate_objective": "Detect the X-ray counterpart.",
    "science_just": "Red, fast fading transient without host; X-rays would confirm an orphan afterglow.",
}
VISITS = {
    "exposure_time": 4000.0,
    "exposure_counts": 3,
    "monitoring_freq": 2,
    "opt_mag": 19.4,
    "opt_filt": "r",
    "xrt_countrate": 0.0025,
    "urgency": "2",
    "obs_type": "Light Curve",
    "source_type": "Optical fast transient",
    "uvot_mode": "0x30ed - U+B+V+All UV",
    "uvot_just": "We need the full UV/optical SED.",
    **WORDS,
}
ONE_VISIT = {
    **{name: value for name, value in VISITS.items() if name != "uvot_just"},
    "exposure_counts": 1,
    "monitoring_freq": 1,
    "urgency": "3",
    "uvot_mode": "0x9999 - Default (Filter of the day)",
}
GRB = {
    **ONE_VISIT,
    "source_type": "GRB",
    "grb_triggertime": "2026-08-01T01:02:03",
    "grb_detector": "Swift/BAT",
    "poserr": 0.5,
}
PROPOSAL = {
    **ONE_VISIT,
    "proposal": True,
    "proposal_id": "1922001",
    "proposal_pi": "PI of the proposal",
    "proposal_trigger_just": "Peak above 0.1 ct/s",
}
TILED = {
    **ONE_VISIT,
    "monitoring_freq": "3 orbits",
    "tiling": True,
    "number_of_tiles": "7",
    "exposure_time_per_tile": 500,
    "tiling_justification": "The error region is larger than the field of view.",
}
BRIGHTNESS = {
    **{name: value for name, value in ONE_VISIT.items() if name not in ("opt_mag", "opt_filt")},
    "xrt_countrate": 1e-05,
    "other_brightness": "1 Crab = the limit, δ < 3 %",
    "instrument": "BAT",
    "xrt_mode": "WT",
    "bat_countrate": "0.02",
    "monitoring_freq": 0.5,
    "exposure_counts": 2,
    "obs_type": "Timing",
}
SOUTH = {"name": "SN 2026 & co=1", "ra": 0.0, "dec": -69.5}
REQUESTS: dict[str, tuple[JSON, JSON]] = {
    "three visits": (TARGET, VISITS),
    "one visit": (TARGET, ONE_VISIT),
    "gamma-ray burst": (TARGET, GRB),
    "guest investigator": (TARGET, PROPOSAL),
    "tiled": (SOUTH, TILED),
    "other brightness": (SOUTH, BRIGHTNESS),
    "only validated": (TARGET, {**ONE_VISIT, "validate_only": True}),
    "debug": (TARGET, {**ONE_VISIT, "debug": True}),
}
CONE = {"ra": 150.114042, "dec": 2.205811, "radius": 5 / 60}
PERIOD = {"begin": "2026-01-01 00:00:00", "end": "2026-02-01 00:00:00"}
QUERIES: dict[str, JSON] = {
    "requests": {"too_id": 22682, "detail": False},
    "calendar": {"too_id": 22682, "radius": 0.2},
    "observations of a target": {"target_id": 15102},
    "observations in a cone": {**CONE, **PERIOD},
    "files": {"obs_id": "00015102001", "xrt": True, "uvot": True},
}


class Recorder(HTTPServer):
    """Answers every request with acceptance, and keeps them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[JSON] = []


class _Handler(BaseHTTPRequestHandler):
    server: Recorder

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        path, _, query = self.path.partition("?")
        kept = ("Content-Type", "Cookie")
        headers = {name: self.headers[name] for name in kept if self.headers[name]}
        self.server.seen.append(
            {"method": self.command, "path": path, "query": query, "headers": headers, "body": body}
        )
        status = {"status": "Accepted", "too_id": 22682, "jobnumber": 23472401, "errors": [], "warnings": []}
        answer = {"api_name": "Swift_TOO_Status", "api_version": "1.2", "api_data": status, **status}
        self.send_response(200)
        if path.endswith("/login"):
            self.send_header("Set-Cookie", "session=opaque; Path=/")
        content = json.dumps(answer).encode()
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _answer

    def log_message(self, format: str, *args: Any) -> None:
        """The record is the log."""


@contextmanager
def recording() -> Iterator[Recorder]:
    """The server, in a thread."""
    server = Recorder()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def arguments(target: JSON, payload: JSON, *, signed: bool) -> JSON:
    """The client's arguments for one input; `signed` for the generation that signs with the secret."""
    given = dict(payload)
    cadence = given.pop("monitoring_freq")
    kind = "source" if signed else "target"
    given |= {
        "username": USERNAME,
        "shared_secret": SECRET,
        f"{kind}_name": target["name"],
        f"{kind}_type": given.pop("source_type"),
        "ra": target["ra"],
        "dec": target["dec"],
        "exp_time_per_visit": given.pop("exposure_time"),
        "num_of_visits": given.pop("exposure_counts"),
        "monitoring_freq": cadence if isinstance(cadence, str) else f"{cadence} days",
        "urgency": int(given["urgency"]),
        "uvot_mode": given["uvot_mode"].partition(" ")[0],
    }
    if signed:
        given["exposure"] = given["exp_time_per_visit"] * given["num_of_visits"]
        given["obs_n"] = "single" if given["num_of_visits"] == 1 else "multiple"
        given["quiet"] = False
        given |= {"number_of_tiles": int(given["number_of_tiles"])} if "number_of_tiles" in given else {}
        if "grb_triggertime" in given:
            given["grb_triggertime"] = given["grb_triggertime"].replace("T", " ")
        if "bat_countrate" in given:
            given["bat_countrate"] = float(given["bat_countrate"])
    return given


def with_v2(server: Recorder) -> Iterator[JSON]:
    """What swifttools 4 sends: form-encoded requests after a login, and queries in the URL."""
    os.environ["SWIFT_TOO_API_URL"] = f"http://127.0.0.1:{server.server_port}/api/v2"
    client = importlib.import_module("swifttools.swift_too")
    for name, (target, payload) in REQUESTS.items():
        client.TOORequest(**arguments(target, payload, signed=False)).submit_post()
        yield {"name": name, "target": target, "payload": payload, "sent": taken(server)}
    classes = {
        "requests": client.TOORequests,
        "calendar": client.Calendar,
        "observations of a target": client.ObsQuery,
        "observations in a cone": client.ObsQuery,
        "files": client.Data,
    }
    for name, query in QUERIES.items():
        classes[name](**query)
        yield {"name": name, "query": query, "sent": taken(server)}


def with_v1(server: Recorder) -> Iterator[JSON]:
    """What swifttools 3 sends: everything in a signed token."""
    client = importlib.import_module("swifttools.swift_too")
    common: Any = importlib.import_module("swifttools.swift_too.api_common")
    common.API_URL = f"http://127.0.0.1:{server.server_port}/toop/submit_json.php"
    for name, (target, payload) in REQUESTS.items():
        request = client.TOORequest()
        given = arguments(target, payload, signed=True)
        place = {each: given.pop(each) for each in ("ra", "dec")}
        named = given.pop("source_name")
        # A name that is assigned is looked up at the server; the field behind it is what is sent.
        request._source_name = request._TOOAPI_AutoResolve__name = named
        for field, value in {**given, **place}.items():
            setattr(request, field, value)
        request.queue()
        yield {"name": name, "target": target, "payload": payload, "sent": taken(server)}
    classes = {
        "requests": client.TOORequests,
        "calendar": client.Calendar,
        "observations of a target": client.ObsQuery,
        "observations in a cone": client.ObsQuery,
        "files": client.Data,
    }
    renamed = {"target_id": "targetid", "obs_id": "obsid"}
    for name, query in QUERIES.items():
        spelt = {renamed.get(key, key): value for key, value in query.items()}
        classes[name](username=USERNAME, shared_secret=SECRET, **spelt)
        yield {"name": name, "query": query, "sent": taken(server)[:1]}


def taken(server: Recorder) -> list[JSON]:
    """The requests since the last call."""
    seen, server.seen = server.seen, []
    return seen


def main(path: Path) -> None:
    """Write the recordings."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["HOME"] = home  # where the client keeps its cookies
        version = importlib.metadata.version("swifttools")
        with recording() as server:
            record = with_v1 if version.startswith("3.") else with_v2
            entries = list(record(server))
    content = {"client": f"swifttools {version}", "recordings": entries}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
