"""The demonstration's part on what comes back: light curves and images, fetched, read and drawn."""

from __future__ import annotations

from typing import Any

from local.demo_api import control
from local.demo_others import Other
from local.demo_steps import Run, submit_another

JUMPS_S = (3600.0,) * 4 + (6 * 3600.0,) * 6
"""Until well after the window of a day; the schedules fire after each."""
_COLUMNS = ("mjd", "filter", "mag", "mag_err", "limiting_mag", "flags")


def wait_for_data(run: Run, others: list[Other]) -> None:
    """Let a day and a half pass, until the light curves, and the images of another request, are there."""
    run.console.step("From submitted to data in hand: let a day and a half pass, and see what came")
    images = submit_another(run)
    wanted = {
        "atlas_forced_photometry": run.latest["atlas_forced_photometry"]["id"],
        "lco": images,
        **{other.facility: other.latest["id"] for other in others if other.facility.endswith("_photometry")},
    }
    for jump in JUMPS_S:
        run.api.quiet("POST", "/_local/clock", {"advance_s": jump})
        if all(_is_in_hand(run, request) for request in wanted.values()):
            break
    for facility, request in wanted.items():
        _show(run, facility, request)


def _is_in_hand(run: Run, request_id: str) -> bool:
    if run.api.quiet("GET", f"/requests/{request_id}")["status"] != "complete":
        return False
    products = run.api.quiet("GET", f"/requests/{request_id}/products")["products"]
    return any(each["state"] == "fetched" for each in products)


def _show(run: Run, facility: str, request_id: str) -> None:
    request = run.api.quiet("GET", f"/requests/{request_id}")
    run.console.item("", f"{facility}: {request['status_text']}", 1)
    run.checks.equal(f"status of {facility}", request["status"], "complete")
    products = run.api.shown("GET", f"/requests/{request_id}/products", 200).body["products"]
    fetched = [each for each in products if each["state"] == "fetched"]
    run.checks.that(f"products of {facility}", fetched, "expected some in the bucket, came none")
    for product in fetched[:4]:
        about = f"{product['name']}: {product['size']} bytes, SHA-256 {product['sha256'][:16]}…"
        run.console.item(product["kind"], about, 1)
    if len(fetched) > 4:
        run.console.item("", f"and {len(fetched) - 4} more", 1)
    if request["measurements"]:
        _show_photometry(run, facility, request_id)


def _show_photometry(run: Run, facility: str, request_id: str) -> None:
    path = f"/requests/{request_id}/photometry"
    rows = run.api.shown("GET", path, 200).body["rows"]
    run.checks.that(f"measurements of {facility}", len(rows) > 10, f"expected many, came {len(rows)}")
    shown = [[_cell(row[name]) for name in _COLUMNS] for row in rows[:: max(1, len(rows) // 5)][:5]]
    run.console.table(_COLUMNS, shown, right=(0, 2, 3, 4))
    run.console.item("", f"{len(rows)} measurements; as CSV, ECSV and for SkyPortal by ?format=", 1)
    run.api.shown("GET", f"{path}.png", 200)


def mails_with_plots(run: Run) -> None:
    """The completion mail links to the plot, which opens without a token."""
    outbox = control(f"{run.record.aws_endpoint}/_ses/outbox")
    texts = [mail["text"] for mail in outbox if "photometry.png?key=" in mail["text"]]
    run.checks.that("completion mail", texts, "expected a link to the plot, came none")
    link = next(word for word in texts[-1].split() if "photometry.png?key=" in word)
    run.console.item("mailed", link.partition("?key=")[0] + "?key=********", 1)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, list):
        return ",".join(map(str, value)) or "-"
    return "-" if value is None else str(value)
