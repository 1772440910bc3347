"""Records what the official client sends, against a server on loopback that answers everything.

Not run by the tests. In an environment of Python 3.11 with swifttools (and setuptools, which its ukssdc part
needs without saying so):

    python record.py <directory>

reads `wishes.json` (what is asked of the client: its global and product parameters, and the same in our own
terms, `payload`) and writes `submissions.json` and `calls.json` there: the wishes with the requests as they
came (method, path, content type, body), and the other calls of a job's life.
"""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module, metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

JSON = dict[str, Any]
HOST = "https://www.swift.ac.uk"


class Recorder:
    """A server on loopback that keeps every request and answers each script with success."""

    def __init__(self) -> None:
        self.seen: list[JSON] = []
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                recorder.note(self, b"")
                recorder.reply(self, b"archive")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                recorder.note(self, body)
                recorder.reply(self, json.dumps(_answer(self.path, json.loads(body))).encode())

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def note(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        """Keep one request."""
        kind = handler.headers.get("Content-Type")
        self.seen.append(
            {"method": handler.command, "path": handler.path, "content_type": kind, "body": body.decode()}
        )

    def reply(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        """Answer as the service does: HTTP 200 and HTML by name."""
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html; charset=UTF-8")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def take(self) -> list[JSON]:
        """The requests since the last take."""
        seen, self.seen = self.seen, []
        return seen


def _answer(path: str, sent: JSON) -> JSON:
    about: JSON = {"OK": 1, "APIVersion": "1.12"}
    done = {"statusCode": 4, "statusText": "Complete", "progress": {"GotProgress": 0}}
    parts = str(sent.get("what", "")).split(",")
    position = {"GotPos": 1, "RA": "150.11398", "Dec": "2.20577", "Err90": "3.5", "FromSXPS": 0}
    answers: dict[str, JSON] = {
        "run_userobject.php": {
            "URL": f"{HOST}/user_objects/tprods/USERPROD_951",
            "JobID": "951",
            "jobPars": {},
        },
        "checkProductStatus.php": {"JobID": 951, **dict.fromkeys(parts, done)},
        "canceljob.php": {
            "JobID": 951,
            "status": dict.fromkeys(parts, "ok"),
            "statusCodes": dict.fromkeys(parts, 0),
        },
        "getNumJobs.php": {"numJobs": 0},
        "listOldJobs.php": {"jobs": []},
        "getOldProduct.php": {
            "oldJob": 951,
            "jobPars": {},
            "URL": f"{HOST}/user_objects/tprods/USERPROD_951",
        },
        "getLCData.php": {"Datasets": []},
        "getSourceDetResults.php": {"Total": []},
    }
    return {**about, **answers.get(path.rpartition("/")[2], position)}


def _request(module: Any, user: str, case: JSON) -> Any:
    request = module.XRTProductRequest(user, silent=True, useDeprecate=False)
    request.setGlobalPars(**case["globals"])
    for product, parameters in case["products"].items():
        request.addProduct(product, **parameters)
    return request


def _calls(module: Any, user: str, case: JSON, recorder: Recorder) -> list[JSON]:
    """The other calls of one job's life, and the downloads."""
    more = {"Image": {}, "SourceDet": {"whichData": "all"}}
    request = _request(module, user, {**case, "products": {**case["products"], **more}})
    request.submit(updateProds=False)
    recorder.take()
    with TemporaryDirectory() as directory:
        steps = {
            "status": request.checkProductStatus,
            "cancel": lambda: _cancel(request),
            "count": request.countActiveJobs,
            "list": request.listOldJobs,
            "old_product": lambda: module.XRTProductRequest(user, useDeprecate=False).copyOldJob(951),
            "psf": lambda: request.retrieveStandardPos(returnData=True),
            "enh": lambda: request.retrieveEnhancedPos(returnData=True),
            "xastrom": lambda: request.retrieveAstromPos(returnData=True),
            "lc": lambda: request.retrieveLightCurve(returnData=True),
            "spec": lambda: request.retrieveSpectralFits(returnData=True),
            "sourceDet": lambda: request.retrieveSourceList(returnData=True),
            "archives": lambda: request.downloadProducts(directory),
        }
        found = []
        for name, step in steps.items():
            try:
                step()
            except Exception as error:  # what is sent counts, not what the client makes of the answer
                print(f"{name}: {error!r}", file=sys.stderr)  # noqa: T201
            found.append({"name": name, "sent": recorder.take()})
    return found


def _cancel(request: Any) -> None:
    request._status = 1  # cancelling is refused once the client has seen all products complete
    request.cancelProducts(["LightCurve", "Spectrum"])
    request._status = 1


def main(directory: Path) -> None:
    """Record everything."""
    module = import_module("swifttools.ukssdc.xrt_prods")
    requests = import_module("swifttools.ukssdc.xrt_prods.prod_request").requests
    recorder = Recorder()
    for verb in ("get", "post"):
        real = getattr(requests, verb)
        setattr(requests, verb, lambda url, real=real, **more: real(url.replace(HOST, recorder.url), **more))
    about = {"client": f"swifttools {metadata.version('swifttools')}, xrt_prods API version 1.12"}
    wishes: JSON = json.loads(Path(__file__).with_name("wishes.json").read_text())
    user, entries = wishes["user"], wishes["entries"]
    for case in entries:
        request = _request(module, user, case)
        if not request.submit(updateProds=False):
            raise SystemExit(f"{case['name']}: {request.submitError}")
        case["sent"] = recorder.take()
    calls = _calls(module, user, entries[0], recorder)
    documents = {
        "submissions": {**about, **wishes},
        "calls": {**about, "user": user, "job": "951", "entries": calls},
    }
    for name, document in documents.items():
        (directory / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
