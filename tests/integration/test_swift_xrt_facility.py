"""The Swift XRT facility against its simulator, over real HTTP: operations, states and failures."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

import pytest
import requests
from pydantic import SecretStr

from local.simulators.base import Fault
from local.simulators.swift_xrt import OTHER_USER, UNSEEN, USER, SwiftXrtServer
from slew.errors import NoAnswer, NotSent, Rejected, Unanswered
from slew.facility import Absent, AllocationFacts, Link, MailLink, Order, Progress, Submission
from slew.http import Http
from slew.models import Requester, Target
from slew.redact import Redactor, use
from slew.status import Status
from slew.wire import Answer
from swift_xrt import met
from swift_xrt.facility import SwiftXrt, XrtOrder
from swift_xrt.models import SwiftXrtAltdata, SwiftXrtPayload
from tests.support.frozen import FrozenClock

JSON = dict[str, Any]
FACILITY = SwiftXrt()
PAGE = "<html><body><h1>Maintenance</h1></body></html>"
STRANGER = "nobody@example.org"
FIVE = ("lc", "spec", "psf", "enh", "xastrom")


class Bench:
    """The simulator, and one allocation's way to it."""

    def __init__(self, server: SwiftXrtServer, user: str = USER) -> None:
        self.server = server
        self.user = user
        self.http = Http(use(Redactor([user])))
        self.link = Link(self.http, cast(MailLink, None))

    def order(self, target: Mapping[str, Any] | None = None, **fields: Any) -> XrtOrder:
        now = self.server.clock.now()
        where = {"name": "ZTF26aabcdef", "ra": 150.114042, "dec": 2.205811, **(target or {})}
        return Order(
            request_id="a1b2c3d4e5f6",
            instrument=None,
            target=Target(**where),
            payload=SwiftXrtPayload.model_validate({"T0": "2026-08-01 12:00:00", **fields}),
            altdata=SwiftXrtAltdata(XRT_UserID=SecretStr(self.user)),
            allocation=AllocationFacts("xrt", "PI of the proposal", "transients"),
            requester=Requester(),
            now=now,
            created_at=now,
        )

    def submit(self, order: XrtOrder) -> Submission:
        return FACILITY.submit(order, FACILITY.prepare(order, self.link), self.link)

    def submitted(self, **fields: Any) -> XrtOrder:
        """An order that the service has taken."""
        order = self.order(**fields)
        return self.known(order, self.submit(order))

    def known(self, order: XrtOrder, submission: Submission) -> XrtOrder:
        return replace(
            order,
            status=submission.status,
            facility_request_id=submission.facility_request_id,
            facility_data=submission.data,
        )

    def poll(self, order: XrtOrder) -> tuple[XrtOrder, Progress]:
        """Ask at the simulator's time; the order as the next poll would get it."""
        order = replace(order, now=self.server.clock.now())
        progress = FACILITY.poll(order, self.link)
        data = {**order.facility_data, **progress.data}
        return replace(order, status=progress.status or order.status, facility_data=data), progress

    def finished(self, **fields: Any) -> tuple[XrtOrder, Progress]:
        order = self.submitted(**fields)
        self.advance(600)
        return self.poll(order)

    def fetch(self, order: XrtOrder, product: Mapping[str, Any]) -> Answer:
        return self.http.read(FACILITY.download(order, product, self.link))

    def jobs(self) -> list[JSON]:
        jobs: list[JSON] = requests.get(f"{self.server.url}/_jobs", timeout=10).json()
        return jobs

    def calls(self, script: str) -> list[JSON]:
        return [entry for entry in self.server.journal if entry["path"].endswith(script)]

    def fail(self, kind: str, script: str = "run_userobject.php", **fields: Any) -> None:
        self.server.faults.append(Fault(kind, path=f"/user_objects/{script}", **fields))

    def configure(self, **settings: Any) -> None:
        answer = requests.post(f"{self.server.url}/_config", json=settings, timeout=10)
        assert answer.status_code == 200, answer.text

    def advance(self, seconds: float) -> None:
        self.server.clock.advance(seconds)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SwiftXrtServer]:
    simulator = SwiftXrtServer(FrozenClock())
    simulator.start()
    monkeypatch.setenv("SLEW_SWIFT_XRT_URL", f"{simulator.base_url}/")
    monkeypatch.delenv("SLEW_SWIFT_XRT_MAX_JOBS", raising=False)
    yield simulator
    simulator.stop()


@pytest.fixture
def bench(server: SwiftXrtServer) -> Iterator[Bench]:
    """The usual bench; whatever the test did, the record of its exchanges must not hold the address."""
    bench = Bench(server)
    yield bench
    assert USER not in repr(bench.http.exchanges)


# -- submit


def test_a_job_is_started_as_prepared(bench: Bench) -> None:
    submission = bench.submit(bench.order(detornot=True))
    [job] = bench.jobs()
    assert submission.facility_request_id == str(job["id"])
    assert submission.status is Status.SUBMITTED
    assert submission.data["url"] == f"{bench.server.base_url}/tprods/USERPROD_{job['id']}"
    assert submission.data["t0"] == 807278405.0
    assert submission.data["job_pars"]["lctimetype"] == "s"
    assert "UserID" not in submission.data["job_pars"]
    assert (job["user"], job["products"]) == (USER, list(FIVE))
    assert [entry["path"] for entry in bench.server.journal] == [
        "/user_objects/getNumJobs.php",
        "/user_objects/run_userobject.php",
    ]


def test_an_address_that_is_not_registered(server: SwiftXrtServer) -> None:
    bench = Bench(server, STRANGER)
    with pytest.raises(Rejected) as caught:
        bench.submit(bench.order())
    assert caught.value.reason == "XRT_UserID not registered"
    assert STRANGER not in repr(caught.value) + repr(bench.http.exchanges)
    assert bench.calls("run_userobject.php") == []


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        (
            {"Dec": None, "cent": None},
            "There were problems with the parameters you supplied. "
            "The following parameters are needed, but were not supplied: Dec, cent",
        ),
        ({"poserr": 0.01}, "invalid values: poserr is 0.01, but must be between 1 and 6"),
        ({"binMeth": "photon"}, "binMeth is photon, but must be one of counts, time, snapshot, obsid"),
        ({"pcmaxGap": 10}, "not recognised: pcmaxGap"),
        ({"RA": "far", "UserID": STRANGER}, "XRT_UserID not registered"),
        (dict.fromkeys(("lc", "spec", "dopsf", "doenh", "doxastrom"), 0), "No products were requested."),
    ],
)
def test_each_refusal_is_readable(bench: Bench, spoilt: JSON, reason: str) -> None:
    """Our own checks leave none of these: the body is spoilt behind them."""
    order = bench.order()
    prepared = FACILITY.prepare(order, bench.link)
    request = prepared.http()
    body = {**json.loads(request.body), **spoilt}
    body = {name: value for name, value in body.items() if value is not None}
    with pytest.raises(Rejected) as caught:
        FACILITY.submit(
            order,
            replace(prepared, exchanges=(replace(request, body=json.dumps(body).encode()),)),
            bench.link,
        )
    assert caught.value.reason.endswith(reason)
    assert bench.jobs() == []


def test_a_refusal_without_a_list_and_with_markup(bench: Bench) -> None:
    told = {
        "OK": 0,
        "ERROR": f"<b>Sorry</b>\n{USER}",
        "listErr": [{"label": "Bad:"}, "odd"],
        "APIVersion": 0.1,
    }
    bench.fail("status", status=200, body=json.dumps(told))
    with pytest.raises(Rejected) as caught:
        bench.submit(bench.order())
    assert caught.value.reason == "Sorry ******** Bad:; odd"


def test_a_field_that_swift_never_saw(bench: Bench) -> None:
    with pytest.raises(Rejected, match="no Swift-XRT data"):
        bench.submit(bench.order({"ra": UNSEEN[0], "dec": UNSEEN[1]}))


def test_no_more_jobs_than_are_asked_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEW_SWIFT_XRT_MAX_JOBS", "2")
    bench.submitted()
    bench.submitted()
    with pytest.raises(NotSent, match=r"^busy: 2 active jobs") as caught:
        bench.submit(bench.order())
    assert caught.value.retry_after == 300.0
    assert len(bench.calls("run_userobject.php")) == 2
    bench.advance(600)
    assert bench.submit(bench.order()).facility_request_id


def test_the_services_own_limit_waits(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEW_SWIFT_XRT_MAX_JOBS", "0")
    bench.configure(max_jobs=1)
    bench.submitted()
    with pytest.raises(NotSent, match="too many jobs") as caught:
        bench.submit(bench.order())
    assert caught.value.retry_after == 300.0


def test_what_the_service_says_beside_is_noted(bench: Bench) -> None:
    deprecation = {"type": "old", "message": "Please <i>update</i>"}
    bench.configure(api_version="1.30", deprecation=deprecation)
    assert bench.submit(bench.order()).notes == (
        "the service's interface is at version 1.30, this client at 1.12",
        "deprecation: Please update",
    )


@pytest.mark.parametrize("version", ["0.1", 0.1, 1.12, "1.12"])
def test_an_older_interface_is_no_matter(bench: Bench, version: Any) -> None:
    bench.configure(api_version=version)
    assert bench.submit(bench.order()).notes == ()


@pytest.mark.parametrize("status", [404, 403, 429])
def test_a_page_in_front_of_the_service_took_nothing(bench: Bench, status: int) -> None:
    bench.fail("status", status=status, body=PAGE)
    with pytest.raises(NotSent, match=f"HTTP {status}"):
        bench.submit(bench.order())
    assert bench.jobs() == []


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, PAGE),
        (502, PAGE),
        (200, PAGE),
        (200, "[]"),
        (200, "{}"),
        (200, '{"OK": 1, "APIVersion": "1.12"}'),
    ],
)
def test_an_answer_that_settles_nothing(bench: Bench, status: int, body: str) -> None:
    bench.fail("status", status=status, body=body)
    with pytest.raises(Unanswered):
        bench.submit(bench.order())
    assert len(bench.calls("run_userobject.php")) == 1


def test_a_service_that_is_down_was_not_sent_to(bench: Bench) -> None:
    order = bench.order()
    prepared = FACILITY.prepare(order, bench.link)
    bench.server.vanish()
    with pytest.raises(NotSent):
        FACILITY.submit(order, prepared, bench.link)


@pytest.mark.parametrize(("status", "body"), [(503, PAGE), (200, PAGE)])
def test_nothing_is_sent_where_the_jobs_cannot_be_counted(bench: Bench, status: int, body: str) -> None:
    bench.fail("status", "getNumJobs.php", status=status, body=body)
    with pytest.raises(NotSent):
        bench.submit(bench.order())
    assert bench.calls("run_userobject.php") == []


# -- no answer, then reconcile


@pytest.mark.parametrize("kind", ["cut", "reset"])
def test_a_job_started_behind_a_cut_line_is_found(bench: Bench, kind: str) -> None:
    bench.submitted(products=["lc"])
    bench.submitted(T0="2026-08-02 12:00:00")
    order = bench.order()
    bench.fail(kind)
    with pytest.raises(Unanswered):
        bench.submit(order)
    bench.advance(90)
    found = FACILITY.reconcile(replace(order, now=bench.server.clock.now()), bench.link)
    assert isinstance(found, Submission)
    assert found.facility_request_id == str(bench.jobs()[-1]["id"])
    assert found.data["url"].endswith(f"/USERPROD_{found.facility_request_id}")
    assert bench.poll(bench.known(order, found))[1].status is Status.IN_PROGRESS


def test_without_a_time_of_its_own_it_is_found_too(bench: Bench) -> None:
    order = replace(bench.order(), payload=SwiftXrtPayload(products=("image",)))
    bench.submit(order)
    bench.advance(90)
    found = FACILITY.reconcile(replace(order, now=bench.server.clock.now()), bench.link)
    assert isinstance(found, Submission)


@pytest.mark.parametrize("fault", [{"kind": "refuse"}, {"kind": "status", "status": 502, "body": PAGE}])
def test_a_job_that_never_was_is_absent(bench: Bench, fault: JSON) -> None:
    bench.submitted()
    bench.advance(600)
    order = bench.order()
    bench.fail(**fault)
    with pytest.raises(Unanswered):
        bench.submit(order)
    assert FACILITY.reconcile(order, bench.link) == Absent()


def test_two_jobs_alike_decide_nothing(bench: Bench) -> None:
    order = bench.order()
    bench.submit(order)
    bench.submit(order)
    assert FACILITY.reconcile(order, bench.link) is None


@pytest.mark.parametrize(
    "body",
    [
        PAGE,
        '{"OK": 1, "APIVersion": "1.12"}',
        '{"OK": 1, "APIVersion": "1.12", "jobs": [{"JobID": 3}]}',
        '{"OK": 0, "ERROR": "The user `x` is not recognised / validated"}',
    ],
)
def test_a_list_that_cannot_be_read_decides_nothing(bench: Bench, body: str) -> None:
    bench.fail("status", "listOldJobs.php", status=200, body=body)
    with pytest.raises(NoAnswer):
        FACILITY.reconcile(bench.order(), bench.link)


# -- status


def test_a_life_to_completion(bench: Bench) -> None:
    order, progress = bench.poll(bench.submitted())
    assert (progress.status, progress.next_poll_s) == (Status.SUBMITTED, 70.0)
    assert progress.text.startswith("lc: Requested; spec: Requested")
    bench.advance(10)
    assert bench.poll(order)[1].text.startswith("lc: Queued")
    bench.advance(70)
    order, progress = bench.poll(order)
    assert progress.status is Status.IN_PROGRESS
    assert (
        "lc: Running (Prepare data and centroid (if selected). Working on observation 1 / 4)" in progress.text
    )
    assert progress.text.endswith("xastrom: Waiting for the standard position")
    bench.advance(250)
    order, progress = bench.poll(order)
    assert progress.status is Status.IN_PROGRESS
    assert progress.products is not None
    assert "lc.json" in {product["name"] for product in progress.products}
    bench.advance(250)
    order, progress = bench.poll(order)
    assert (progress.status, progress.reason, progress.next_poll_s) == (Status.COMPLETE, "", None)
    assert progress.products is not None
    names = [product["name"] for product in progress.products]
    assert names == [f"{part}.{kind}" for part in FIVE for kind in ("json", "tar.gz")]
    assert len(bench.calls("checkProductStatus.php")) == 5


def test_after_an_hour_it_is_asked_less_often(bench: Bench) -> None:
    bench.configure(runs_s=1e6)
    order = bench.submitted()
    bench.advance(3700)
    assert bench.poll(order)[1].next_poll_s == 450.0
    bench.advance(14 * 86400)
    progress = bench.poll(order)[1]
    assert (progress.status, progress.next_poll_s) == (Status.EXPIRED, None)


@pytest.mark.parametrize(
    ("outcomes", "status", "reason"),
    [
        ({"spec": -3}, Status.COMPLETE, "spec: Complete, but no product was produced"),
        ({"lc": -1, "spec": -2}, Status.COMPLETE, "lc: Could not be requested; spec: Could not be queued"),
        (dict.fromkeys(FIVE, -3), Status.FAILED, "xastrom: Complete, but no product was produced"),
        ({"xastrom": 5}, Status.IN_PROGRESS, ""),
        ({"psf": -3}, Status.COMPLETE, "xastrom: Complete, but no product was produced"),
    ],
)
def test_one_failed_product_does_not_spoil_the_others(
    bench: Bench, outcomes: JSON, status: Status, reason: str
) -> None:
    bench.configure(outcomes=outcomes)
    _, progress = bench.finished()
    assert progress.status is status
    assert progress.reason.endswith(reason)
    parts = {product["part"] for product in progress.products or ()}
    assert not parts & set(outcomes)
    assert bool(parts) is (status is not Status.FAILED)


def test_what_an_answer_leaves_out_stays_as_it_was(bench: Bench) -> None:
    order, _ = bench.finished(products=["lc", "spec"])
    told = {
        "OK": 1,
        "APIVersion": 1,
        "lc": {"statusCode": "9"},
        "spec": {"statusCode": "-3", "statusText": "No"},
    }
    bench.fail("status", "checkProductStatus.php", status=200, body=json.dumps(told))
    _, progress = bench.poll(replace(order, status=Status.IN_PROGRESS))
    assert (progress.status, progress.text) == (Status.COMPLETE, "lc: complete; spec: No")


@pytest.mark.parametrize(("status", "body"), [(500, PAGE), (404, PAGE), (200, PAGE), (200, '{"OK": 1}')])
def test_an_unreadable_status_changes_nothing(bench: Bench, status: int, body: str) -> None:
    order = bench.submitted()
    bench.fail("status", "checkProductStatus.php", status=status, body=body)
    with pytest.raises(NoAnswer):
        bench.poll(order)


def test_a_job_of_another_user_is_told_without_an_address(bench: Bench) -> None:
    order = bench.submitted()
    other = Bench(bench.server, OTHER_USER)
    theirs = replace(order, altdata=other.order().altdata)
    _, progress = other.poll(theirs)
    assert progress.status is None
    assert progress.reason == f"Job {order.facility_request_id} is not owned by user ********"
    assert OTHER_USER not in repr(other.http.exchanges)


# -- cancel


def test_a_running_job_is_cancelled(bench: Bench) -> None:
    order = bench.submitted(products=["lc", "spec"])
    bench.advance(100)
    cancellation = FACILITY.cancel(order, bench.link)
    assert (cancellation.status, cancellation.text) == (Status.CANCELLED, "cancelled: lc, spec")
    assert bench.poll(order)[1].status is Status.CANCELLED
    assert bench.poll(replace(order, status=Status.CANCELLED))[1].next_poll_s is None


def test_what_had_finished_is_named_and_stays_fetchable(bench: Bench) -> None:
    order = bench.submitted(products=["psf", "xastrom"])
    bench.advance(350)
    cancellation = FACILITY.cancel(order, bench.link)
    assert cancellation.status is Status.CANCELLED
    assert cancellation.text == "cancelled: xastrom; had finished: psf"
    order, progress = bench.poll(replace(order, status=Status.CANCELLED))
    assert (progress.status, progress.next_poll_s) == (None, None)
    assert [product["name"] for product in progress.products or ()] == ["psf.json", "psf.tar.gz"]


def test_a_finished_job_is_what_it_is(bench: Bench) -> None:
    order, _ = bench.finished()
    cancellation = FACILITY.cancel(order, bench.link)
    assert cancellation.status is Status.COMPLETE
    assert cancellation.text.startswith("nothing left to cancel: lc: Complete")


def _told(codes: JSON) -> str:
    texts = dict.fromkeys(codes, "Job could not be cancelled")
    return json.dumps({"JobID": 1, "OK": 2, "APIVersion": 1, "status": texts, "statusCodes": codes})


def test_what_goes_on_is_named(bench: Bench) -> None:
    order = bench.submitted(products=["lc", "spec"])
    bench.fail("status", "canceljob.php", status=200, body=_told({"lc": 0, "spec": 3}))
    cancellation = FACILITY.cancel(order, bench.link)
    assert cancellation.status is Status.IN_PROGRESS
    assert cancellation.text == "cancelled: lc; not cancelled: spec: Job could not be cancelled"


def test_nothing_cancelled_is_a_refusal(bench: Bench) -> None:
    order = bench.submitted(products=["lc", "spec"])
    bench.fail("status", "canceljob.php", status=200, body=_told({"lc": 3, "spec": 4}))
    with pytest.raises(Rejected, match=r"^not cancelled: lc: Job could not be cancelled; spec: "):
        FACILITY.cancel(order, bench.link)


def test_a_cancellation_of_another_users_job(bench: Bench) -> None:
    order = bench.submitted()
    other = Bench(bench.server, OTHER_USER)
    with pytest.raises(Rejected) as caught:
        FACILITY.cancel(replace(order, altdata=other.order().altdata), other.link)
    assert caught.value.reason.endswith("is not owned by user ********")


@pytest.mark.parametrize("kind", ["cut", "refuse"])
def test_a_cancellation_without_an_answer_is_read_back(bench: Bench, kind: str) -> None:
    order = bench.submitted(products=["lc"])
    bench.fail(kind, "canceljob.php")
    if kind == "cut":
        assert FACILITY.cancel(order, bench.link).status is Status.CANCELLED
    else:
        with pytest.raises(Unanswered):
            FACILITY.cancel(order, bench.link)


# -- credentials


def test_verify(bench: Bench) -> None:
    bench.submitted()
    found = FACILITY.verify(bench.order().altdata, bench.link)
    assert (found.valid, found.details) == (True, {"active_jobs": 1})
    stranger = Bench(bench.server, STRANGER)
    refused = FACILITY.verify(stranger.order().altdata, stranger.link)
    assert (refused.valid, refused.text) == (False, "XRT_UserID not registered")
    bench.fail("status", "getNumJobs.php", status=503, body=PAGE)
    with pytest.raises(NoAnswer):
        FACILITY.verify(bench.order().altdata, bench.link)


def test_what_it_can_do() -> None:
    assert FACILITY.operations == ("submit", "dry_run", "cancel", "poll", "reconcile", "verify")


# -- products


def test_every_product_is_fetched_by_itself(bench: Bench) -> None:
    order, progress = bench.finished(products=[*FIVE, "image", "sourceDet"], detobs="all")
    assert progress.products is not None
    contents = {product["name"]: bench.fetch(order, product) for product in progress.products}
    assert {each.status for each in contents.values()} == {200}
    assert json.loads(contents["psf.json"].body)["Err90"] == "3.5"
    assert json.loads(contents["spec.json"].body)["interval0"]["PC"]["PowerLaw"]["Gamma"] == 1.93
    assert json.loads(contents["sourceDet.json"].body)["Total"][0]["sno"] == "1"
    for part in (*FIVE, "image", "sourceDet"):
        with tarfile.open(fileobj=io.BytesIO(contents[f"{part}.tar.gz"].body)) as archive:
            assert all(
                name.startswith(f"USERPROD_{order.facility_request_id}/{part}/")
                for name in archive.getnames()
            )
    for product in progress.products:
        if product["name"].endswith(".json"):
            assert product["content_type"] == "application/json"  # the service itself says text/html
    kinds = {product["name"]: product["kind"] for product in progress.products}
    assert kinds["lc.json"] == "light_curve"
    assert (kinds["image.tar.gz"], kinds["enh.json"], kinds["spec.json"]) == ("image", "position", "spectrum")
    assert USER not in repr(progress)


def test_a_position_that_was_not_found_is_told(bench: Bench) -> None:
    bench.configure(no_position=["enh"])
    order, progress = bench.finished(products=["enh"])
    assert json.loads(bench.fetch(order, (progress.products or ())[0]).body)["GotPos"] == 0


def test_products_that_the_service_has_thrown_away(bench: Bench) -> None:
    order, progress = bench.finished(products=["lc"])
    bench.advance(91 * 86400)
    parsed, archive = progress.products or ()
    with pytest.raises(Rejected, match="not available"):
        FACILITY.download(order, parsed, bench.link)
    assert bench.fetch(order, archive).status == 404


def test_an_archive_elsewhere_is_fetched_with_caution(bench: Bench) -> None:
    order, progress = bench.finished(products=["lc"])
    archive = (progress.products or ())[1]
    assert FACILITY.download(order, archive, bench.link).untrusted is False
    elsewhere = {**archive, "url": "https://elsewhere.example/lc.tar.gz"}
    assert FACILITY.download(order, elsewhere, bench.link).untrusted is True
    with pytest.raises(Rejected):
        FACILITY.download(order, {**archive, "url": "file:///etc/passwd"}, bench.link)


# -- photometry


@pytest.mark.parametrize("axis", ["s", "m"])
def test_a_light_curve_becomes_rows(bench: Bench, axis: str) -> None:
    order, progress = bench.finished(lctimetype=axis)
    product = next(each for each in progress.products or () if each["name"] == "lc.json")
    rows = FACILITY.photometry(order, product, bench.fetch(order, product).body)
    assert len(rows) == 12
    assert rows[0].mjd == pytest.approx(met.to_mjd(807278405.0 + 90), abs=1e-7)
    assert [row.flux for row in rows] == [None] * 12
    [limit] = [row for row in rows if "upper_limit" in row.flags]
    assert (limit.extra["upper_limit_ct_s"], limit.extra["mode"], limit.snr) == (0.0018, "PC", None)
    assert ("mjd_approximate" in limit.flags) is (axis == "s")
    assert all(row.extra["rate_ct_s"] > 0 for row in rows if row is not limit)
    for other in progress.products or ():
        if other["name"] != "lc.json":
            assert FACILITY.photometry(order, other, b"whatever") == ()


def test_flux_densities_are_derived_where_they_are_wanted(bench: Bench) -> None:
    order, progress = bench.finished(lctimetype="m", flux_density=True)
    [law] = order.facility_data["power_laws"]
    assert (law["mode"], law["gamma"]) == ("PC", 1.93)
    product = next(each for each in progress.products or () if each["name"] == "lc.json")
    rows = FACILITY.photometry(order, product, bench.fetch(order, product).body)
    assert all("derived" in row.flags and row.zp == 23.9 for row in rows)
    for row in rows:
        if "upper_limit" not in row.flags:
            assert row.flux == pytest.approx(row.extra["rate_ct_s"] * row.extra["ujy_per_ct_s"])


@pytest.mark.parametrize("spectrum", ["nofit", "nospec", "nospectrum"])
def test_without_a_fit_there_is_no_flux(bench: Bench, spectrum: str) -> None:
    bench.configure(spectrum=spectrum)
    order, progress = bench.finished(flux_density=True)
    assert order.facility_data["power_laws"] == []
    product = next(each for each in progress.products or () if each["name"] == "lc.json")
    rows = FACILITY.photometry(order, product, bench.fetch(order, product).body)
    assert all(row.flux is None and row.zp is None for row in rows)
