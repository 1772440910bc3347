"""Where a download is sent on to. Reads only: what triggers something is never followed (`slew.http`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import SplitResult, urldefrag, urljoin, urlsplit

from slew import config
from slew.errors import NoAnswer
from slew.wire import HttpRequest

MOST = 5
_STATUSES = frozenset({301, 302, 303, 307, 308})
_FOR_ANYBODY = frozenset({"accept", "accept-encoding", "range", "if-range"})


def onward(request: HttpRequest, status: int, headers: Mapping[str, str]) -> HttpRequest | None:
    """The request that an answer sends on to; None where it is no redirect. Raises NoAnswer.

    A host that the deployment has not set is checked like any that a user names. Another host gets no header
    that could be a credential.
    """
    location = headers.get("location")
    if status not in _STATUSES or not location:
        return None
    try:
        url = urldefrag(urljoin(request.url, location)).url
        here, there = urlsplit(request.url), urlsplit(url)
        same = _same_host(here, there)
    except ValueError:
        raise NoAnswer("redirected to something that is no URL") from None
    if there.scheme not in ("https", "http") or not there.hostname:
        raise NoAnswer("redirected to something that is no web address")
    if here.scheme == "https" and there.scheme == "http":
        raise NoAnswer(f"redirected to {there.hostname} without TLS: not followed")
    untrusted = request.untrusted or not config.is_configured(url)
    kept = {name: value for name, value in request.headers.items() if same or name.lower() in _FOR_ANYBODY}
    return replace(request, url=url, headers=kept, untrusted=untrusted)


def _same_host(here: SplitResult, there: SplitResult) -> bool:
    """Whether it is the same server; TLS in place of none is, at the usual ports."""
    usual = {"http": 80, "https": 443}
    ports = (here.port or usual.get(here.scheme), there.port or usual.get(there.scheme))
    upgraded = (here.scheme, there.scheme, *ports) == ("http", "https", 80, 443)
    return here.hostname == there.hostname and (
        upgraded or (here.scheme == there.scheme and ports[0] == ports[1])
    )
