"""The images of attempted rows: their table, and the zip that packs them."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.simulators.base import JSON
from local.simulators.winter import alerts
from local.simulators.winter.requests_model import ImageQuery
from local.simulators.winter.store import Schedule

FILTER_IDS = {"Y": 1, "J": 2, "Hs": 3, "dark": 4}
DETECTORS = {"winter": 6, "spring": 1}
_DETECTOR_DEG = 0.34
_PER_DETECTOR = ("raw", "science", "stack", "diff", "avro")


@dataclass(frozen=True)
class Image:
    """One image of an attempted row."""

    row: JSON
    index: int
    at: float
    kind: str
    detector: int

    @property
    def night(self) -> int:
        """Its night by the UTC date, YYYYMMDD."""
        return int(datetime.fromtimestamp(self.at, UTC).strftime("%Y%m%d"))

    @property
    def path(self) -> str:
        stamp = datetime.fromtimestamp(self.at, UTC).strftime("%Y%m%d-%H%M%S-%f")[:-3]
        camera = "WINTERcamera" if self.row["camera"] == "winter" else "SPRINGcamera"
        end = "avro" if self.kind == "avro" else "fits"
        name = f"{camera}_{stamp}_mef_{self.detector}_0_{self.index}_{self.kind}.{end}"
        return f"/data/loki/{self.night}/{self.kind}/{name}"

    @property
    def place(self) -> tuple[float, float]:
        """The detector's centre, degrees: the target is in the middle of detector 0."""
        shift = self.detector * _DETECTOR_DEG
        return (self.row["raDeg"] + shift) % 360, self.row["decDeg"]

    def shown(self) -> JSON:
        """As `/images/query` tells of it."""
        ra, dec = self.place
        return {
            "progname": self.row["progName"],
            "nightdate": self.night,
            "targname": self.row["targName"],
            "ra": ra,
            "dec": dec,
            "fid": FILTER_IDS[self.row["filter"]],
            "utctime": datetime.fromtimestamp(self.at, UTC).isoformat(),
            "fieldid": self.row["fieldID"],
            "image_type": self.kind,
            "savepath": self.path,
            "lastmodified": datetime.fromtimestamp(self.at + 3600, UTC).isoformat(),
            "pipeversion": None if self.kind == "exposure" else "1.2.0",
        }

    def content(self) -> bytes:
        """An alert file, or a FITS header without data."""
        if self.kind == "avro":
            return alerts.file(self.row["raDeg"], self.row["decDeg"], FILTER_IDS[self.row["filter"]], self.at)
        cards = [
            "SIMPLE  =                    T",
            "BITPIX  =                    8",
            "NAXIS   =                    0",
            f"OBJECT  = '{self.row['targName']:<8}'",
            "END",
        ]
        return "".join(f"{card:<80}" for card in cards).ljust(2880).encode("ascii", "replace")


def images(schedules: Iterable[Schedule], kind: str, camera: str) -> Iterator[Image]:
    """The images of one type of what one camera has attempted."""
    for schedule in schedules:
        for index in sorted(schedule.with_images):
            row = schedule.rows[index]
            if row["camera"] == camera:
                count = DETECTORS[camera] if kind in _PER_DETECTOR[:-1] else 1
                for detector in range(count):
                    yield Image(row, index, schedule.attempted_at[index], kind, detector)


def matches(image: Image, query: ImageQuery) -> bool:
    """Whether an image is within a query, dates apart."""
    if query.target_name is not None and image.row["targName"] != query.target_name:
        return False
    ra, dec = image.place
    if query.ra is not None and query.dec is not None:
        offset = (ra - query.ra + 180) % 360 - 180
        return math.hypot(offset * math.cos(math.radians(dec)), dec - query.dec) <= query.radius_deg
    west, east, south, north = query.ra_min, query.ra_max, query.dec_min, query.dec_max
    if west is None or east is None or south is None or north is None:
        return True
    return west <= ra <= east and south <= dec <= north


def packed(found: Iterable[Image]) -> bytes:
    """A zip of images under their names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for image in found:
            member = zipfile.ZipInfo(image.path.rpartition("/")[2])
            archive.writestr(member, image.content())
    return buffer.getvalue()


def download_headers(kind: str, now: float, *, total: int, missing: int) -> dict[str, Any]:
    """What the service says of a zip."""
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y_%m_%d_%H_%M_%S")
    return {
        "content-disposition": f"attachment; filename=WINTER_images_{kind}_{stamp}.zip",
        "total-images": str(total),
        "missing-images": str(missing),
        "image-type": kind,
    }
