"""What a notice says, before it becomes a Slack message or an email: headline, facts, payload, links.

Card notifications.md, "Content". Nothing here is escaped for a medium; everything is cleaned of what no
medium can show.
"""

from __future__ import annotations

import unicodedata
from urllib.parse import quote

from slew import astro
from slew.notice import Notice

TRANSPORT_WORDS = {"new": "New request", "updated": "Updated request", "cancelled": "CANCELLED request"}
"""Headings where the message itself is what reaches the telescope (facilities slack and generic)."""

_ACTIONS = {
    "update": "Update of request",
    "cancel": "Cancellation of request",
    "cancel_failed": "Cancellation FAILED of request",
    "update_failed": "Update FAILED of request",
    "resubmit": "Resubmission of request",
    "retrieve": "Data of request",
}
_INVISIBLE = {"Cc", "Cs", "Zl", "Zp"}
_DIRECTION = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LONGEST_LINK = 300  # percent-encoding makes up to twelve characters of one; such a link helps nobody


def clean(text: str) -> str:
    """One line: control characters, lone surrogates and direction marks become blanks, runs of them one."""
    kept = (
        " " if character in _DIRECTION or unicodedata.category(character) in _INVISIBLE else character
        for character in text
    )
    return " ".join("".join(kept).split())


def headline(notice: Notice) -> str:
    """One line: the status's own word, target and facility; with the reason where there is one."""
    word = transport_word(notice) or f"[{notice.status}] {action(notice)}"
    line = f"{word} {notice.request_id} for {notice.target_name}: {facility(notice)}"
    if transport_word(notice) and notice.status == "cancelled" and person(notice):
        line += f" (requested by {notice.by or person(notice)})"
    told = notice.reason or (notice.text if notice.action.endswith("_failed") else "")
    return clean(f"{line}: {told}" if told else line)


def action(notice: Notice) -> str:
    """What it is about, e.g. `Cancellation of request`; what failed is said to have failed."""
    return _ACTIONS.get(notice.action, "Request")


def transport_word(notice: Notice) -> str | None:
    """The heading of a message that itself reaches the telescope; None for an announcement."""
    return TRANSPORT_WORDS.get(notice.status) if notice.previous is None else None


def facility(notice: Notice) -> str:
    """The facility, its instrument if it has several, and the allocation that stands for a telescope."""
    title = f"{notice.facility_title} {notice.instrument}" if notice.instrument else notice.facility_title
    return clean(f"{title} ({notice.allocation_id})" if notice.allocation_id else title)


def person(notice: Notice) -> str:
    """The requester: name, username and affiliation, as far as they are known."""
    name, username = clean(notice.requester_name), clean(notice.requester_username)
    who = f"{name} ({username})" if name and username and name != username else name or username
    affiliation = clean(notice.requester_affiliation)
    return f"{who}, {affiliation}" if who and affiliation else who or affiliation


def moment(notice: Notice) -> str:
    """When, to the second: `2026-08-21T17:35:30 UTC`."""
    return f"{astro.parse_utc(notice.at):%Y-%m-%dT%H:%M:%S} UTC"


def facts(notice: Notice) -> list[tuple[str, str]]:
    """Label and value of what is known, payload apart; at most 13."""
    found = [
        ("Name", notice.target_name),
        *_position(notice),
        ("Facility", facility(notice)),
        ("PI, group", ", ".join(part for part in (notice.allocation_pi, notice.group) if part)),
        ("Proposal", notice.proposal_id or ""),
        ("Requested by", person(notice)),
        ("Request", notice.request_id),
        ("Facility's id", notice.facility_request_id or ""),
        ("Status", _status(notice)),
        ("Changed by", notice.by),
        ("Time", moment(notice)),
    ]
    return [(label, text) for label, value in found if (text := clean(value))]


def _position(notice: Notice) -> list[tuple[str, str]]:
    """The target's coordinates; none for a plan, which has many pointings."""
    if notice.ra_deg is None or notice.dec_deg is None:
        return []
    galactic_l, galactic_b = astro.to_galactic(notice.ra_deg, notice.dec_deg)
    return [
        ("RA, Dec (ICRS)", f"{astro.format_ra(notice.ra_deg)} {astro.format_dec(notice.dec_deg)}"),
        ("RA, Dec (deg)", f"{notice.ra_deg:.6f} {notice.dec_deg:+.6f}"),
        ("l, b (deg)", f"{galactic_l:.6f} {galactic_b:+.6f}"),
    ]


def payload(notice: Notice) -> list[tuple[str, str]]:
    """The observing parameters, name and value."""
    return [(clean(key) or "-", clean(value) or "-") for key, value in notice.payload.items()]


def links(notice: Notice, portal_url: str) -> list[tuple[str, str]]:
    """Label and https URL: the marshal's pages, if it has an https address, and three sky surveys'."""
    plot = [("Light curve", notice.light_curve_url)] if notice.light_curve_url else []
    if notice.ra_deg is None or notice.dec_deg is None:
        return plot  # a plan has no one position
    name = quote(clean(notice.target_name), safe="")
    at = f"{notice.ra_deg:.6f}", f"{notice.dec_deg:.6f}"
    found = plot
    if portal_url.startswith("https://"):
        found += [
            ("Source", f"{portal_url}/source/{name}"),
            ("Observability", f"{portal_url}/observability/{name}"),
            ("Finding chart", f"{portal_url}/source/{name}/finder"),
        ]
    found += [
        ("SDSS", f"https://skyserver.sdss.org/dr18/VisualTools/navi?opt=G&ra={at[0]}&dec={at[1]}&scale=0.1"),
        (
            "Legacy Survey",
            f"https://www.legacysurvey.org/viewer?ra={at[0]}&dec={at[1]}&layer=ls-dr10&zoom=16&mark={at[0]},{at[1]}",
        ),
        ("TNS", f"https://www.wis-tns.org/search?&ra={at[0]}&decl={at[1]}&radius=5&coords_unit=arcsec"),
    ]
    return [(label, url) for label, url in found if len(url) <= _LONGEST_LINK]


def _status(notice: Notice) -> str:
    if notice.status in ("new", "updated"):
        return ""
    changed = notice.previous and notice.previous != notice.status
    return f"{notice.previous} → {notice.status}" if changed else notice.status
