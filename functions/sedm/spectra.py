"""Pushed spectra and what is posted with them, as products whose content came with the message.

SEDM declares the third column as the flux's error; its values can only be the variance (card: Data products).
The file is kept as it came, and beside it a table with the square root.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import mimetypes
from collections.abc import Mapping
from typing import Any

from slew.characters import writable
from slew.errors import Invalid
from slew.pages import file_name, for_people

MOST = 100
_HEADERS = (
    "OBSDATE",
    "OBSTIME",
    "UTC",
    "MJD_OBS",
    "EXPTIME",
    "AIRMASS",
    "OBJECT",
    "REQ_ID",
    "QUALITY",
    "FLUXCAL",
    "SNIASCORE",
    "SNIDMATCHTYPE",
    "SNIDMATCHREDSHIFT",
    "SNIDMATCHRLAP",
)

Products = dict[str, dict[str, Any]]
Files = dict[str, bytes]


def of_spectrum(content: Mapping[str, Any], known: Mapping[str, Any]) -> tuple[Products, Files]:
    """The file as it came, and a table of it where it can be read. Raises Invalid."""
    text = content.get("ascii")
    if not isinstance(text, str) or not text.strip():
        raise Invalid('Missing required key "ascii".')
    raw = writable(text).encode()
    given = content.get("filename")
    name = free_name(str(given or "spectrum.txt").rpartition("/")[2], raw, known)
    about = {
        "kind": "spectrum",
        "content_type": "text/plain",
        "observed_at": for_people(str(content.get("observed_at") or ""), 40) or None,
        "sha256": hashlib.sha256(raw).hexdigest(),
        "header": header(text),
        "columns": ["wavelength (Angstrom)", "flux (erg/s/cm2/Angstrom)", "variance of the flux"],
    }
    products, files = {name: about}, {name: raw}
    table = with_errors(text)
    if table is not None:
        second = f"{name.removesuffix('.txt')}.errors.csv"
        products[second] = {
            "kind": "spectrum",
            "content_type": "text/csv",
            "made_of": name,
            "note": "flux_err is the square root of the file's third column, taken for the variance",
        }
        files[second] = table
    return products, files


def of_comment(content: Mapping[str, Any], known: Mapping[str, Any]) -> tuple[Products, Files]:
    """A comment's attached file, if it has one. Raises Invalid."""
    attached = content.get("attachment")
    if not isinstance(attached, dict):
        return {}, {}
    try:
        raw = base64.b64decode(str(attached.get("body") or ""), validate=True)
    except (binascii.Error, ValueError):
        raise Invalid("Invalid attachment: its body is not base64.") from None
    name = free_name(str(attached.get("name") or "attachment").rpartition("/")[2], raw, known)
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    about = {
        "kind": "image" if kind.startswith("image/") else "log",
        "content_type": kind,
        "text": for_people(str(content.get("text") or ""), 500),
        "sha256": hashlib.sha256(raw).hexdigest(),
    }
    return {name: about}, {name: raw}


def free_name(name: str, raw: bytes, known: Mapping[str, Any]) -> str:
    """A name fit for a file; where another content has it, with a digest, so that neither is lost."""
    plain = file_name(name).lstrip("._")[-120:] or "file"
    digest = hashlib.sha256(raw).hexdigest()
    if known.get(plain, {}).get("sha256") in (None, digest) and plain not in _without_digest(known):
        return plain
    stem, dot, suffix = plain.rpartition(".")
    return f"{stem or suffix}-{digest[:8]}{dot and dot + suffix}"


def header(text: str) -> dict[str, str]:
    """The useful keys of the file's `# KEY: value` lines."""
    found = {}
    for line in text.splitlines():
        key, colon, value = line.lstrip("# ").partition(":")
        if line.startswith("#") and colon and key.strip().upper() in _HEADERS:
            found[key.strip().upper()] = for_people(value, 80)
    return found


def with_errors(text: str) -> bytes | None:
    """`wavelength_angstrom,flux,flux_err` a line; None where the file is not of numbers in three columns."""
    lines = ["wavelength_angstrom,flux,flux_err"]
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        cells = line.split()
        try:
            wavelength, flux, variance = (float(cell) for cell in cells[:3])
        except ValueError:
            return None
        error = math.sqrt(variance) if variance >= 0 else math.nan
        lines.append(f"{wavelength:.10g},{flux:.8g},{error:.8g}")
    return "\n".join([*lines, ""]).encode() if len(lines) > 1 else None


def _without_digest(known: Mapping[str, Any]) -> set[str]:
    return {name for name, about in known.items() if "sha256" not in about}
