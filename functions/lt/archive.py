"""The LT's data pages: which files a group has, by night, and how one is fetched (card, Data products)."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import quote, unquote

from lt.models import LtAltdata
from slew import config
from slew.errors import NoAnswer, Rejected
from slew.facility import Link
from slew.wire import Answer, HttpRequest

HEADS_LIMIT = 40
"""FITS headers that are read for one night where no log tells whose the files are."""

_NAME = re.compile(r"([a-z0-9])_([a-z])_(\d{8})_(\d+)_(\d+)_(\d+)_(\d)(\.fits(?:\.gz)?|\.head)?")
_HREF = re.compile(r"""href\s*=\s*["']([^"']+)["']""", re.IGNORECASE)
_GROUP = re.compile(r"\bGROUPID\s*=\s*'([^']*)'")
_SPECTROGRAPHS = "vbr"
# fmt: off
_FRAMES = {
    "e": "science", "a": "arc", "b": "bias", "d": "dark", "f": "flat", "w": "flat", "q": "acquisition",
    "s": "standard",
}
# fmt: on
_PLACES = {"reduced": "RecentData", "quicklook": "quicklook"}


@dataclass(frozen=True)
class File:
    """A file by its name: instrument letter, frame type, night, exposure (all but the level), and level."""

    name: str
    instrument: str
    frame: str
    night: str
    exposure: str
    level: int
    suffix: str

    @classmethod
    def read(cls, name: str) -> File | None:
        """From a name such as `h_e_20260120_15_1_1_1.fits.gz`; None for other names."""
        match = _NAME.fullmatch(name)
        if not match:
            return None
        exposure = name[: match.end(6)]
        return cls(name, match[1], match[2], match[3], exposure, int(match[7]), match[8] or "")

    def product(self, proposal: str, night: str, stage: str) -> dict[str, Any]:
        """The file as a product; its URL holds no password."""
        spectrum = self.instrument in _SPECTROGRAPHS and self.frame != "q"
        return {
            "name": self.name,
            "kind": "spectrum" if spectrum else "image",
            "url": _page(proposal, night, stage) + self.name,
            "content_type": "application/gzip" if self.suffix.endswith(".gz") else "application/fits",
            "stage": stage,
            "night": night,
            "frame": _FRAMES.get(self.frame, self.frame),
            "level": self.level,
        }


def products(
    link: Link, altdata: LtAltdata, group: str, nights: Iterable[str]
) -> tuple[tuple[Mapping[str, Any], ...], bool]:
    """A group's files of some nights, and whether all nights have reduced science frames.

    Until the reduced ones are there, those of the quicklook stand in. Raises NoAnswer, Rejected.
    """
    found: list[Mapping[str, Any]] = []
    ready = True
    for night in nights:
        proposal = altdata.LT_proposalID
        reduced = _reduced(link, altdata, group, night)
        found += [each.product(proposal, night, "reduced") for each in reduced]
        if not any(each.frame == "e" and each.level > 0 for each in reduced):
            ready = False
        if not reduced:
            quick = _quicklook(link, altdata, group, night)
            found += [each.product(proposal, night, "quicklook") for each in quick]
    return tuple(found), ready


def download(altdata: LtAltdata, product: Mapping[str, Any]) -> HttpRequest:
    """The request for a file. Raises Rejected without a data password, or for what is no file of these."""
    file, night = File.read(str(product.get("name"))), str(product.get("night"))
    if file is None or product.get("stage") not in _PLACES or not re.fullmatch(r"\d{8}", night):
        raise Rejected("not a file of the LT's data pages")
    url = _page(altdata.LT_proposalID, night, str(product["stage"])) + file.name
    return HttpRequest("GET", url, _basic(altdata))


def logged(link: Link, altdata: LtAltdata, group: str, night: str) -> tuple[File, ...] | None:
    """A group's frames by the public log of a night; None where that is not out yet. Raises NoAnswer."""
    key = f"lt log {night}"
    if key not in link.shared:
        # The doubled slash is the address's own.
        request = HttpRequest("GET", f"{_base()}/data/archive/webfiles/Logs/lt//{night}.log")
        answer = _readable(link.http.read(request), "night log")
        link.shared[key] = None if answer is None else answer.text
    text: str | None = link.shared[key]
    return None if text is None else _rows(text, group, altdata.LT_proposalID)


def access(link: Link, altdata: LtAltdata) -> str:
    """Whether the data password opens the proposal's pages: `accepted` or `refused`. Raises NoAnswer."""
    request = HttpRequest("GET", f"{_base()}/DataProd/RecentData/{_part(altdata)}", _basic(altdata))
    answer = link.http.read(request)
    if answer.status in (401, 403):
        return "refused"
    if answer.status in (200, 301, 302, 404):  # no data yet is no refusal
        return "accepted"
    raise NoAnswer(f"data pages: HTTP {answer.status}")


def _reduced(link: Link, altdata: LtAltdata, group: str, night: str) -> list[File]:
    names = _listing(link, altdata, night)
    files = [file for file in map(File.read, names) if file is not None and file.suffix]
    frames = [file for file in files if file.suffix != ".head"]
    if not frames:
        return []
    log = logged(link, altdata, group, night)
    if log is None:
        log = _quick_log(link, altdata, group, night)
    if log is not None:
        ours = {file.exposure for file in log}
    else:
        ours = _by_heads(link, altdata, group, night, [file for file in files if file.suffix == ".head"])
    return [file for file in frames if file.exposure in ours]


def _listing(link: Link, altdata: LtAltdata, night: str) -> list[str]:
    """The names on a night's page; empty where there is no such page."""
    key = f"lt files {altdata.LT_proposalID} {night}"
    if key not in link.shared:
        answer = _get(link, altdata, _page(altdata.LT_proposalID, night, "reduced"))
        link.shared[key] = "" if answer is None else answer.text
    names = (unquote(unescape(each)).rpartition("/")[2] for each in _HREF.findall(link.shared[key]))
    return sorted(set(names))


def _quicklook(link: Link, altdata: LtAltdata, group: str, night: str) -> list[File]:
    """Quicklook files lie beside their log, compressed."""
    frames = _quick_log(link, altdata, group, night) or ()
    return [file for frame in frames if (file := File.read(f"{frame.name}.fits.gz")) is not None]


def _quick_log(link: Link, altdata: LtAltdata, group: str, night: str) -> tuple[File, ...] | None:
    page = _page(altdata.LT_proposalID, night, "quicklook")
    answer = _get(link, altdata, f"{page}{night}.log")
    return None if answer is None else _rows(answer.text, group, altdata.LT_proposalID)


def _by_heads(link: Link, altdata: LtAltdata, group: str, night: str, heads: list[File]) -> set[str]:
    """The exposures whose FITS header names the group, where neither log is there."""
    ours = set()
    for head in heads[:HEADS_LIMIT]:
        answer = _get(link, altdata, _page(altdata.LT_proposalID, night, "reduced") + head.name)
        match = _GROUP.search(answer.text) if answer is not None else None
        if match and match[1].rstrip() == group:
            ours.add(head.exposure)
    return ours


def _rows(log: str, group: str, proposal: str) -> tuple[File, ...]:
    """The frames of a group: the columns of a row hold its name, the proposal's and the file's."""
    found = []
    for line in log.splitlines():
        columns = line.split()
        if group in columns and proposal in columns:
            names = (column.removesuffix(".gz").removesuffix(".fits") for column in columns)
            found += [file for name in names if (file := File.read(name)) is not None]
    return tuple(found)


def _get(link: Link, altdata: LtAltdata, url: str) -> Answer | None:
    """A page behind the password; None if there is none. Raises NoAnswer, Rejected."""
    answer = link.http.read(HttpRequest("GET", url, _basic(altdata)))
    if answer.status in (401, 403):
        raise Rejected("the LT's data pages refuse data_password")
    return _readable(answer, "data pages")


def _readable(answer: Answer, what: str) -> Answer | None:
    if answer.status == 404:
        return None
    if answer.status != 200:
        raise NoAnswer(f"{what}: HTTP {answer.status}", answer.retry_after)
    return answer


def _basic(altdata: LtAltdata) -> dict[str, str]:
    if altdata.data_password is None:
        raise Rejected("the LT's data pages need data_password in the allocation's altdata")
    pair = f"{altdata.LT_proposalID}:{altdata.data_password.get_secret_value()}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _base() -> str:
    return config.facility_url("lt", "https://telescope.livjm.ac.uk", "data")


def _page(proposal: str, night: str, stage: str) -> str:
    return f"{_base()}/DataProd/{_PLACES[stage]}/{quote(proposal, safe='')}/{night}/"


def _part(altdata: LtAltdata) -> str:
    return f"{quote(altdata.LT_proposalID, safe='')}/"
