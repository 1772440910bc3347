"""Calls of Gemini's simulator, as its own tests make them."""

from __future__ import annotations

from typing import Any

import requests

from local.simulators.gemini import EMAIL, NORTH, NORTH_KEY, GeminiServer

JSON = dict[str, Any]
GOOD = {
    "prog": NORTH,
    "email": EMAIL,
    "password": NORTH_KEY,
    "obsnum": "21",
    "target": "ZTF26aaabcde",
    "ra": "12:22:54.830",
    "dec": "+04:49:24.23",
    "ready": "true",
}
STAR = {"gsra": "185.7", "gsdec": "4.8", "gsprobe": "OIWFS"}
WINDOW = {"windowDate": "2026-12-01", "windowTime": "04:00", "windowDuration": "48"}
LIMITS = {"elevationType": "airmass", "elevationMin": "1.0", "elevationMax": "1.6"}
START = "2026-12-01T04:00:00+00:00"
FIRST = f"{NORTH}-40"


def trigger(gemini: GeminiServer, site: str = "north", **changes: Any) -> requests.Response:
    query = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    return requests.post(f"{gemini.url}/{site}/too", params=query, timeout=10)


def get(gemini: GeminiServer, path: str, **query: Any) -> requests.Response:
    return requests.get(f"{gemini.url}{path}", timeout=10, **query)


def control(gemini: GeminiServer, path: str, **wanted: Any) -> requests.Response:
    return requests.post(f"{gemini.url}{path}", json=wanted, timeout=10)


def clone(gemini: GeminiServer, name: str = FIRST) -> JSON:
    found: JSON = get(gemini, "/_observations").json()[name]
    return found
