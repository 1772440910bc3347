"""The answers of the ATLAS simulator: task objects, pages, files (card, "Submit", "Status", "Retrieve")."""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from werkzeug import Request, Response

from local.simulators.atlas.queue import PLOT_S, SLOTS, Task, stamp
from local.simulators.base import JSON, json_response

if TYPE_CHECKING:
    from local.simulators.atlas.config import AtlasConfig

DEFAULT_PAGE = 6
MAX_PAGE = 100
NEW_KEYS = (
    "callback_url",
    "result_imagestack_url",
    "userqueuedtasks_on_submit",
    "waittime",
    "runtime",
    "attempt_count",
)
_ONE_PIXEL_JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP////////////////////////////////////////////////////////////////////////"
    "//////////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA="
)


def task_object(task: Task, base: str, *, position: int | None, packing: Task | None, old: bool) -> JSON:
    """A task as the API shows it; `packing` is the image task made from it."""
    data = task.result is not None and task.kind == "FP"
    link, files = f"{base}/queue/{task.id}/", f"{base}/static/results/job{task.id:05d}"
    shown = {
        "url": link,
        "id": task.id,
        "user_id": task.user_id,
        "username": task.username,
        "timestamp": stamp(task.created, fraction=False, old=old),
        "mpc_name": task.fields["mpc_name"],
        "ra": task.fields["ra"],
        "dec": task.fields["dec"],
        "mjd_min": task.fields["mjd_min"],
        "mjd_max": task.fields["mjd_max"],
        "radec_epoch_year": _decimal(task.fields["radec_epoch_year"]),
        "propermotion_ra": task.fields["propermotion_ra"],
        "propermotion_dec": task.fields["propermotion_dec"],
        "use_reduced": task.fields["use_reduced"],
        "finished": task.finished is not None,
        "result_url": f"{files}.txt" if data else None,
        "comment": task.fields["comment"],
        "send_email": task.fields["send_email"],
        "callback_url": task.fields["callback_url"],
        "starttimestamp": stamp(task.started, fraction=True, old=old),
        "finishtimestamp": stamp(task.finished, fraction=True, old=old),
        "error_msg": task.error,
        "previewimage_url": f"{files}.jpg" if data else None,
        "parent_task_id": task.parent_id,
        "parent_task_url": f"{base}/queue/{task.parent_id}/" if task.parent_id else None,
        "request_type": task.kind,
        "pdfplot_url": f"{link}plot.pdf" if data else None,
        "queuepos": position,
        "imagerequest_task_id": packing.id if packing else None,
        "imagerequest_url": f"{base}/queue/{packing.id}/" if packing else None,
        "imagerequest_finished": packing.finished is not None if packing else None,
        "result_imagestack_url": None,
        "result_imagezip_url": f"{files}.zip" if task.kind == "IMGZIP" and task.result is not None else None,
        "userqueuedtasks_on_submit": task.queued_on_submit,
        "waittime": _seconds(task.created, task.started),
        "runtime": _seconds(task.started, task.finished),
        "attempt_count": task.attempts,
    }
    return {key: value for key, value in shown.items() if not (old and key in NEW_KEYS)}


def _decimal(year: float | None) -> str | None:
    return None if year is None else f"{year:.1f}"


def _seconds(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else round(end - start, 1)


def page(request: Request, tasks: Sequence[Task], show: Callable[[Task], JSON]) -> Response:
    """One page of a list, the newest first; the cursor names the last task of the page before."""
    try:
        size = max(1, min(MAX_PAGE, int(request.args.get("pagesize", DEFAULT_PAGE))))
    except ValueError:
        size = DEFAULT_PAGE
    first = 0
    if "cursor" in request.args:
        try:
            last_seen = int(base64.urlsafe_b64decode(request.args["cursor"]).decode().removeprefix("p="))
        except ValueError:
            return json_response({"detail": "Invalid cursor"}, 404)
        first = sum(task.id >= last_seen for task in tasks)
    shown = tasks[first : first + size]
    following = first + size < len(tasks)
    previous = None
    if first > 0:
        previous = _page_url(request, tasks[first - size - 1].id if first > size else None)
    return json_response(
        {
            "next": _page_url(request, shown[-1].id) if following else None,
            "previous": previous,
            "pagefirsttaskposition": first,
            "taskcount": len(tasks),
            "results": [show(task) for task in shown],
        }
    )


def _page_url(request: Request, last_seen: int | None) -> str:
    query = {name: value for name, value in request.args.items() if name != "cursor"}
    if last_seen is not None:
        query["cursor"] = base64.urlsafe_b64encode(f"p={last_seen}".encode()).decode()
    return f"{request.base_url}?{urlencode(query)}"


def throttled(wait_s: int) -> Response:
    """429, with the waiting time in the header and in the text."""
    text = f"Expected available in {wait_s} second{'' if wait_s == 1 else 's'}."
    return json_response({"detail": f"Request was throttled. {text}"}, 429, {"Retry-After": str(wait_s)})


def maintenance() -> Response:
    """The proxy's page."""
    body = (
        "<html><head><title>503</title></head><body><h1>503 Service Unavailable</h1>maintenance</body></html>"
    )
    return Response(body, 503, content_type="text/html; charset=utf-8")


def page_not_found() -> Response:
    """The web site's own page."""
    body = "<!doctype html>\n<html><body><h1>Page not found</h1></body></html>\n"
    return Response(body, 404, content_type="text/html; charset=utf-8")


def browsable(response: Response) -> Response:
    """The page for people that older servers give to a client that does not ask for JSON."""
    body = html.escape(response.get_data(as_text=True))
    page_text = (
        f"<!DOCTYPE html>\n<html><head><title>Queue</title></head><body><pre>{body}</pre></body></html>"
    )
    headers = {name: value for name, value in response.headers.items() if name in ("Location", "ETag")}
    return Response(page_text, response.status_code, headers, content_type="text/html; charset=utf-8")


def runner_status(config: AtlasConfig, *, busy: int, queued: int, own: int) -> Response:
    """`taskrunnerstatus.json`."""
    return json_response(
        {
            "running": not config.runner_down,
            "stale": config.runner_down,
            "numslots": SLOTS,
            "slots_busy": busy,
            "queued_task_count": queued,
            "maintenance": config.maintenance,
            "typical_runtime_seconds": {"FP": config.run_s},
            "user_queued_task_count": own,
        }
    )


# -- files


def table(text: str) -> Response:
    """The photometry."""
    return Response(text, 200, content_type="text/plain")


def preview() -> Response:
    """An image, not a picture: one pixel."""
    return Response(_ONE_PIXEL_JPEG, 200, content_type="image/jpeg")


def empty_zip() -> Response:
    """An archive without images."""
    return Response(b"PK\x05\x06" + bytes(18), 200, content_type="application/zip")


def plot(task: Task, now: float) -> Response:
    """The light curve as PDF, half a minute after the end of the task."""
    if now < (task.finished or 0.0) + PLOT_S:
        return Response("The plot is being drawn.", 503, {"Retry-After": "30"}, content_type="text/plain")
    rows = [line.split() for line in (task.result or "").splitlines()[1:]]
    points = [(float(row[0]), float(row[3])) for row in rows if abs(float(row[4])) < 4000]
    return Response(_pdf(points), 200, content_type="application/pdf")


def _pdf(points: Sequence[tuple[float, float]]) -> bytes:
    """A page of 400 x 300 points with one dot for each measurement."""
    xs, ys = [x for x, _ in points] or [0.0], [y for _, y in points] or [0.0]
    x_scale = 380 / max(max(xs) - min(xs), 1e-6)
    y_scale = 280 / max(max(ys) - min(ys), 1e-6)
    dots = [
        f"{10 + (x - min(xs)) * x_scale:.1f} {10 + (y - min(ys)) * y_scale:.1f} 2 2 re f"
        for x, y in points
        if math.isfinite(y)
    ]
    stream = "\n".join(dots).encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 400 300] /Resources << >> /Contents 4 0 R >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 5\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return out + b"trailer\n<< /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start
