"""The robot and its pipeline: bookings are observed, reduced and told of (card: Simulator 6, 7)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime

from local.simulators.base import JSON
from local.simulators.sedm import listener as posts
from local.simulators.sedm.bookings import Booking
from local.simulators.sedm.listener import Listener

READOUT_S = 40.0
Archive = dict[str, list[tuple[str, str, bytes]]]
"""By night `YYYYMMDD`: user, file name, content."""


def advance(bookings: Iterable[Booking], wait_s: float, now: float, to: Listener, archive: Archive) -> None:
    """Bring every booking to where it is at `now` (Unix seconds)."""
    today = datetime.fromtimestamp(now, UTC).date()
    for each in bookings:
        if each.state == "PENDING" and each.first <= today <= each.last and now >= each.at + wait_s:
            each.state, each.active_at = "ACTIVE", max(each.at + wait_s, _midnight(each))
        if each.state == "ACTIVE" and each.active_at is not None and now >= each.active_at + _length_s(each):
            _finish(each, each.active_at + _length_s(each), now, to, archive)
        elif each.state in ("PENDING", "ACTIVE") and today > each.last:
            each.state = "EXPIRED"
            to.add(posts.status_text(each, "Expired", now))


def _finish(booking: Booking, ended: float, now: float, to: Listener, archive: Archive) -> None:
    booking.state = "COMPLETED"
    moment = datetime.fromtimestamp(ended, UTC)
    files = archive.setdefault(moment.strftime("%Y%m%d"), [])
    for name in [each[1:] for each in booking.sequence if each != "1ifu"]:
        image = f"rc{moment:%Y%m%d_%H_%M_%S}_{booking.source}_{name}.fits"
        files.append((booking.username, image, b"SIMPLE  =                    T".ljust(2880)))
    if not booking.ifu:
        to.add(posts.status_text(booking, f"Complete {moment:%Y%m%d %H_%M_%S}", now))
        return
    name = f"spec_auto_robot_lstep1__crr_b_ifu{moment:%Y%m%d_%H_%M_%S}_{booking.source}.txt"
    text = spectrum_file(booking, moment)
    files.append((booking.username, name, text.encode()))
    if booking.quality > 2:
        to.add(posts.status_text(booking, f"Failed {posts.stamp(ended)}", now))
        return
    delivery = posts.spectrum(booking, name, text, f"{moment:%Y-%m-%dT%H:%M:%SZ}", now)

    def after(answer: JSON | None) -> None:
        if answer is None:
            to.add(posts.status_text(booking, f"Failed {posts.stamp(ended)}", now))
            return
        booking.spectrum_id = int(answer["data"]["id"])
        to.add(posts.findings(booking, now))
        to.add(posts.report(booking, name, now))
        to.add(posts.classification(booking, now))
        how = "Manually" if booking.quality == 1 else "Automatically"
        to.add(posts.status_text(booking, f"Completed {how} {posts.stamp(ended)}", now))

    delivery.after = after
    to.add(delivery)


def spectrum_file(booking: Booking, moment: datetime) -> str:
    """A supernova-like spectrum in SEDM's form; the third column is the variance."""
    head = {
        "EXPTIME": f"{booking.exposures_s[0]:.1f}",
        "OBJECT": booking.source,
        "OBSDATE": f"{moment:%Y-%m-%d}",
        "OBSTIME": f"{moment:%H:%M:%S}.0",
        "AIRMASS": "1.12",
        "REQ_ID": str(10_000_000 + booking.requestid),
        "QUALITY": str(booking.quality),
        "FLUXCAL": "True",
        "SNIASCORE": "0.97",
    }
    lines = [f"# {key}: {value}" for key, value in head.items()]
    for wavelength in range(3800, 9201, 25):
        dip = 0.5 * math.exp(-(((wavelength - 6150) / 120) ** 2))
        flux = 1e-15 * (1 - dip) * (6000 / wavelength)
        lines.append(f"{wavelength:.1f} {flux:.6e} {(0.05 * flux) ** 2:.6e}")
    return "\n".join([*lines, ""])


def _length_s(booking: Booking) -> float:
    return sum(booking.exposures_s) + READOUT_S * len(booking.sequence)


def _midnight(booking: Booking) -> float:
    return datetime.combine(booking.first, datetime.min.time(), UTC).timestamp()
