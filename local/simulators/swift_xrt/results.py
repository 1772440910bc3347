"""Parsed results of a job in the card's forms: made up, but the same for a job each time."""

from __future__ import annotations

import math
import random
from typing import Any

from local.simulators.base import JSON
from local.simulators.swift_xrt.jobs import Job

UTCF_S = -24.888
EPOCH_MJD = 51910.0
MEAN_RATE = 0.02
GAMMA = 1.93
FLUX_PER_COUNT = 3.4e-11
BINNINGS = {"counts": "Counts", "time": "Time", "snapshot": "Snapshot", "obsid": "Observation"}
_COLUMNS = (
    *("Time", "TimePos", "TimeNeg", "Rate", "RatePos", "RateNeg", "FracExp", "BGrate", "BGerr"),
    *("CorrFact", "CtsInSrc", "BGInSrc", "Exposure", "Sigma", "SNR"),
)
_DAY_S = 86400.0
_POSITION_ERRORS = {"psf": "3.5", "enh": "1.7", "xastrom": "2.1"}
_MODEL_NAMES = {"powerlaw": "PowerLaw", "apec": "APEC", "blackbody": "BlackBody"}


def position(job: Job, product: str) -> JSON:
    """`getPSFPos`, `getEnhPos`, `getAstromPos`: RA, Dec as text."""
    if product in job.no_position:
        return {"GotPos": 0}
    ra, dec = float(job.pars["RA"]), float(job.pars["Dec"])
    found = {"RA": f"{(ra + 3e-5) % 360:.5f}", "Dec": f"{dec:.5f}", "Err90": _POSITION_ERRORS[product]}
    return {"GotPos": 1, **found, **({} if product == "enh" else {"FromSXPS": 0})}


def light_curve(job: Job, *, nosys: str, incbad: str, base: str) -> JSON:
    """`getLCData`: a power-law decay in PC mode after a bright start in WT, and one upper limit."""
    randoms = random.Random(job.id)
    is_mjd = job.pars.get("lctimetype") == "m"
    t0 = float(job.pars["Tstart"])
    detections = {
        "WT": [_bin(randoms, 90.0 + 40 * n, 20.0, 12.0 / (1 + n), t0, is_mjd) for n in range(4)],
        "PC": [
            _bin(randoms, 4000.0 * 1.6**n, 1500.0, MEAN_RATE * 1.6 ** (1 - n), t0, is_mjd) for n in range(7)
        ],
    }
    limit = _bin(randoms, 1.5 * _DAY_S, 9000.0, 0.0018, t0, is_mjd)
    limit[3:6] = ["0.0018", "0", "0"]
    limit[-1] = "inf"
    answer: JSON = {
        "Datasets": [],
        "Binning": BINNINGS[str(job.pars.get("binMeth"))],
        "TimeFormat": "MJD" if is_mjd else "MET",
        "T0": t0,
    }
    limits = ["UpperLimit" if column == "Rate" else column for column in _COLUMNS]
    for suffix in _suffixes(nosys, incbad):
        for mode, rows in detections.items():
            _add(answer, f"{mode}{suffix}", list(_COLUMNS), rows, f"{base}/lc/{mode}CURVE.qdp")
        _add(answer, f"PCUL{suffix}", limits, [limit], f"{base}/lc/PCUL.qdp")
        for band, share in (("Hard", 0.4), ("Soft", 0.6)):
            rows = [
                [row[0], row[1], row[2], f"{share * float(row[3]):.5f}", row[4]] for row in detections["PC"]
            ]
            _add(
                answer,
                f"PC{band}{suffix}",
                ["Time", "TimePos", "TimeNeg", "Rate", "RateErr"],
                rows,
                f"{base}/lc/PCHR.qdp",
            )
        ratios = [[*row[:3], "0.667", "0.21"] for row in detections["PC"]]
        _add(
            answer,
            f"PCHR{suffix}",
            ["Time", "TimePos", "TimeNeg", "HR", "HRErr"],
            ratios,
            f"{base}/lc/PCHR.qdp",
        )
    return answer


def _suffixes(nosys: str, incbad: str) -> list[str]:
    choices = {"no": [False], "yes": [True], "both": [False, True]}
    return [
        f"{'_nosys' if without else ''}{'_incbad' if bad else ''}"
        for without in choices.get(nosys, [False])
        for bad in choices.get(incbad, [False])
    ]


def _add(answer: JSON, name: str, columns: list[str], rows: list[list[str]], url: str) -> None:
    answer["Datasets"].append(name)
    answer[f"{name}Data"] = {"URL": url, "columns": columns, "data": rows}


def _bin(
    randoms: random.Random, since_t0_s: float, half_s: float, rate: float, t0: float, is_mjd: bool
) -> list[str]:
    rate *= randoms.uniform(0.95, 1.05)
    counts = max(3, round(rate * half_s))
    error = rate / math.sqrt(counts)
    snr = math.sqrt(counts)
    unit = _DAY_S if is_mjd else 1.0
    time = EPOCH_MJD + (t0 + since_t0_s + UTCF_S) / _DAY_S if is_mjd else since_t0_s
    return [
        f"{time:.8f}",
        f"{half_s / unit:.8f}",
        f"{-half_s / unit:.8f}",
        *(f"{each:.6f}" for each in (rate, error, -error)),
        *("0.43", "0.00012", "0.00001", "1.21", str(counts), "0.6"),
        f"{half_s:.1f}",
        f"{4 * snr:.2f}",
        f"{snr:.2f}",
    ]


def spectrum(job: Job, base: str) -> JSON:
    """`getSpecData`: fits of each slice in PC mode."""
    if job.spectrum == "nospectrum":
        return {"NoSpectrum": 1, "T0": float(job.pars["Tstart"]), "rnames": []}
    labels = [str(job.pars.get("specstem") or "interval0")]
    if job.pars.get("timeslice") == "user":
        labels = [str(job.pars[f"rname{n}"]) for n in range(1, 5) if f"rname{n}" in job.pars]
    answer: JSON = {
        "T0": float(job.pars["Tstart"]),
        "DeltaFitStat": float(job.pars.get("dchi", 2.706)),
        "GalNH_unfitted": 1.9e20,
        "rnames": labels,
    }
    models = job.pars.get("models") or ["powerlaw"]
    for label in labels:
        about: JSON = {"DataFile": f"{base}/spec/{label}.tar.gz", "Start": 103.7, "Stop": 43200.0}
        if job.spectrum == "nospec":
            answer[label] = {**about, "NOSPEC": 1}
            continue
        fit: JSON = {
            "MeanTime": 17427.7,
            "Exposure": 5029.6,
            "Models": [_MODEL_NAMES[each] for each in models],
        }
        for model in models:
            good = job.spectrum == "fit"
            fit[_MODEL_NAMES[model]] = _fit(model, label, base) if good else {"NOFIT": 1}
        answer[label] = {**about, "Modes": ["PC"], "PC": fit}
    return answer


def _fit(model: str, label: str, base: str) -> JSON:
    shape = "Gamma" if model == "powerlaw" else "kT"
    flux = FLUX_PER_COUNT * MEAN_RATE
    return {
        "GalacticNH": 1.9e20,
        "NH": 1.1e21,
        "NHPos": 6.0e20,
        "NHNeg": -5.0e20,
        shape: GAMMA,
        f"{shape}Pos": 0.21,
        f"{shape}Neg": -0.20,
        "ObsFlux": flux,
        "ObsFluxPos": 0.11 * flux,
        "ObsFluxNeg": -0.1 * flux,
        "UnabsFlux": 1.3 * flux,
        "UnabsFluxPos": 0.15 * flux,
        "UnabsFluxNeg": -0.13 * flux,
        "Cstat": 101.2,
        "Dof": 118,
        "FitChi": 110.4,
        "Image": f"{base}/spec/{label}pc_plot.gif",
    }


def sources(job: Job) -> JSON:
    """`getSourceDetResults`: one list a band, values as text."""
    ra, dec = float(job.pars["RA"]), float(job.pars["Dec"])
    row: dict[str, Any] = {"sno": 1, "x": 500.2, "y": 498.7, "ra": ra, "ra_pos": 4e-4, "ra_neg": -4e-4}
    row |= {"dec": dec, "dec_pos": 3e-4, "dec_neg": -3e-4, "err90": 3.6, "l": 101.1, "b": 59.8, "C": 32.0}
    bands = ("Total", "Soft", "Medium", "Hard") if job.pars.get("detbands") == "all" else ("Total",)
    return {band: [{key: str(value) for key, value in row.items()}] for band in bands}
