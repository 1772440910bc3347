"""The archives of a job's products, with the files that the card names."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile

from local.simulators.swift_xrt import results
from local.simulators.swift_xrt.jobs import Job

CONTENT_TYPES = {"tar.gz": "application/x-gzip", "tar": "application/x-tar", "zip": "application/zip"}


def archive(job: Job, products: tuple[str, ...], form: str) -> bytes:
    """One archive of some products; everything lies under `USERPROD_<id>/`."""
    files = {
        f"USERPROD_{job.id}/{product}/{name}": content
        for product in products
        for name, content in _files(job, product).items()
    }
    buffer = io.BytesIO()
    if form == "zip":
        with zipfile.ZipFile(buffer, "w") as packed:
            for name, content in files.items():
                packed.writestr(zipfile.ZipInfo(name), content)
        return buffer.getvalue()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            tar.addfile(about, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), mtime=0) if form == "tar.gz" else buffer.getvalue()


def _files(job: Job, product: str) -> dict[str, bytes]:
    if product == "lc":
        return {
            name: _qdp(job) for name in ("curve.qdp", "PCCURVE.qdp", "WTCURVE.qdp", "PCUL.qdp", "PCHR.qdp")
        }
    if product == "spec":
        labels = results.spectrum(job, "").get("rnames", [])
        return {f"{label}.tar.gz": gzip.compress(b"spectrum\n", mtime=0) for label in labels}
    if product == "image":
        picture = gzip.compress(b"SIMPLE  =                    T", mtime=0)
        return {"images.log": b"1 0.3 10\n", "image1.img.gz": picture, "image1.gif": b"GIF89a"}
    if product == "sourceDet":
        return {"sources.txt": b"1\n"}
    found = results.position(job, product)
    if not found["GotPos"]:
        return {{"psf": "results.dat", "enh": "NOPOS", "xastrom": "NOCORR"}[product]: b"NOPOS\n"}
    line = f"{found['RA']}\t{found['Dec']}\t10 00 27.4\t+02 12 20.9\t{found['Err90']}\t0\t1\n"
    return {{"psf": "results.dat", "enh": "success.txt", "xastrom": "corrpos.dat"}[product]: line.encode()}


def _qdp(job: Job) -> bytes:
    curve = results.light_curve(job, nosys="no", incbad="no", base="")
    lines = ["READ TERR 1", "READ SERR 2", *("\t".join(row[:6]) for row in curve["PCData"]["data"])]
    return ("\n".join(lines) + "\n").encode()
