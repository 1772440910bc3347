"""The archive's files: small FITS files of what has been executed (card: Data products)."""

from __future__ import annotations

import bz2
import hashlib
import io
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from local.simulators.base import JSON
from local.simulators.gemini.database import Database, Observation, Programme
from local.simulators.observation_portal import fits

PROPRIETARY = timedelta(days=365)


@dataclass(frozen=True)
class File:
    """One file; proprietary until `release`."""

    name: str
    observation_id: str
    label: str
    instrument: str
    observation_type: str
    observation_class: str
    mode: str
    title: str
    taken: datetime
    release: datetime
    exposure_s: float

    @property
    def content(self) -> bytes:
        """The file, uncompressed."""
        return fits.primary(
            {
                "OBJECT": self.title.encode("ascii", "replace").decode()[:60],
                "INSTRUME": self.instrument,
                "DATALAB": self.label,
                "OBSID": self.observation_id,
                "OBSTYPE": self.observation_type,
                "EXPTIME": self.exposure_s,
                "DATE-OBS": self.taken.strftime("%Y-%m-%d"),
                "UT": self.taken.strftime("%H:%M:%S"),
            }
        )

    def is_open(self, now: datetime) -> bool:
        """Whether anybody may have it."""
        return self.release <= now

    def keys(self) -> JSON:
        """The keys of the file itself."""
        plain = self.content
        packed = bz2.compress(plain)
        return {
            "name": self.name,
            "filename": f"{self.name}.bz2",
            "path": "",
            "compressed": True,
            "file_size": len(packed),
            "data_size": len(plain),
            "file_md5": _md5(packed),
            "data_md5": _md5(plain),
            "lastmod": self.taken.isoformat(),
            "mdready": True,
            "entrytime": self.taken.isoformat(),
            "present": True,
            "canonical": True,
            "size": len(packed),
            "md5": _md5(packed),
        }

    def summary(self, now: datetime) -> JSON:
        """The keys of the file and of its header; positions of proprietary files are withheld."""
        hidden = not self.is_open(now)
        return {
            **self.keys(),
            "program_id": self.observation_id.rpartition("-")[0],
            "observation_id": self.observation_id,
            "data_label": self.label,
            "telescope": "Gemini-North" if self.observation_id.startswith("GN") else "Gemini-South",
            "instrument": self.instrument,
            "ut_datetime": self.taken.strftime("%Y-%m-%d %H:%M:%S"),
            "observation_type": self.observation_type,
            "observation_class": self.observation_class,
            "object": None if hidden else self.title,
            "ra": None if hidden else 0.0,
            "dec": None if hidden else 0.0,
            "airmass": None if hidden else 1.2,
            "filter_name": "r",
            "exposure_time": self.exposure_s,
            "disperser": "R150" if self.mode == "LS" else "MIRROR",
            "mode": self.mode,
            "qa_state": "Undefined",
            "release": self.release.strftime("%Y-%m-%d"),
            "reduction": "RAW",
        }


def of_database(database: Database) -> Iterator[File]:
    """The files of everything that has been executed at a site."""
    for programme in database.programmes.values():
        for observation in programme.observations.values():
            yield from _files(programme, observation)


def packed(files: Iterable[File], withheld: Iterable[str]) -> bytes:
    """A tar of the compressed files, with their sums and a list of what is withheld."""
    content = {f"{each.name}.bz2": bz2.compress(each.content) for each in files}
    sums = "".join(f"{_md5(data)}  {name}\n" for name, data in content.items())
    readme = "".join(f"withheld, proprietary: {name}\n" for name in withheld)
    content |= {"md5sums.txt": sums.encode(), "README.txt": readme.encode()}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def _files(programme: Programme, observation: Observation) -> Iterator[File]:
    """An acquisition once begun; a science frame and an arc, which is public at once, once executed."""
    if observation.made_at is None or observation.began is None:
        return
    frames = [("acq", "OBJECT", "imaging", observation.began, PROPRIETARY, 30.0)]
    if observation.ended is not None:
        exposure = float(observation.exptime_s or 600)
        frames.append(("science", "OBJECT", "LS", observation.ended, PROPRIETARY, exposure))
        frames.append(("partnerCal", "ARC", "LS", observation.ended, timedelta(0), 10.0))
    name = f"{programme.id}-{observation.number}"
    letter = programme.id[1]
    for index, (purpose, kind, mode, taken, closed, exposure) in enumerate(frames, 1):
        yield File(
            name=f"{letter}{taken:%Y%m%d}S{(observation.number * 10 + index) % 10000:04d}.fits",
            observation_id=name,
            label=f"{name}-{index:03d}",
            instrument=observation.instrument,
            observation_type=kind,
            observation_class=purpose,
            mode=mode,
            title=observation.title,
            taken=taken,
            release=(taken + closed).replace(hour=0, minute=0, second=0, microsecond=0),
            exposure_s=exposure,
        )


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
