"""Swift XRT: what is accepted, and the exact job that follows; held to the official client's recordings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from local.simulators.swift_xrt import validation
from slew.errors import Invalid
from slew.facility import AllocationFacts, HttpLink, Link, MailLink, Order, Submission
from slew.models import Requester, Target
from slew.validation import parse
from slew.wire import Answer, HttpRequest
from swift_xrt import met, products, server
from swift_xrt.facility import SwiftXrt, XrtOrder
from swift_xrt.job import State
from swift_xrt.models import PRODUCTS, SwiftXrtAltdata, SwiftXrtPayload

JSON = dict[str, Any]
DATA = Path(__file__).parents[1] / "data"
PEER: list[JSON] = json.loads((DATA / "peer" / "swift_xrt.json").read_text())
SUBMISSIONS: JSON = json.loads((DATA / "swift_xrt" / "submissions.json").read_text())
CALLS: JSON = json.loads((DATA / "swift_xrt" / "calls.json").read_text())
BASE = "https://www.swift.ac.uk/user_objects"
USER: str = SUBMISSIONS["user"]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FACILITY = SwiftXrt()
FORM: JSON = {
    "request_type": "XRT API",
    "detornot": True,
    "centMeth": "simple",
    "detMeth": "simple",
    "T0": "2026-08-01 12:00:00",
    "poserr": 1,
    "binMeth": "counts",
}
PEER_BODY: JSON = {
    "api_name": "xrt_prods",
    "api_version": "1.12",
    "UserID": USER,
    "getTargs": 1,
    "cent": 1,
    "name": "ZTF26aabcdef",
    "RA": 150.114042,
    "Dec": 2.205811,
    "centMeth": "simple",
    "detMeth": "simple",
    "useSXPS": 0,
    "Tstart": 807278405.0,
    "getT0": 0,
    "poserr": 1,
    "lc": 1,
    "binMeth": "counts",
    "pccounts": 20,
    "wtcounts": 30,
    "dynamic": 1,
    "spec": 1,
    "dchi": 2.706,
    "specz": 0,
    "dopsf": 1,
    "doenh": 1,
    "doxastrom": 1,
    "allxastrom": 1,
}


class Scripted:
    """An HTTP link that gives prepared answers in turn and keeps what it was sent."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.sent: list[HttpRequest] = []

    def send(self, request: HttpRequest, *, read_timeout: float = 60.0) -> Answer:
        self.sent.append(request)
        return self.answers.pop(0)

    def read(self, request: HttpRequest, *, read_timeout: float = 20.0) -> Answer:
        return self.send(request)


def link_to(*answers: Answer) -> tuple[Scripted, Link]:
    http = Scripted(*answers)
    return http, Link(cast(HttpLink, http), cast(MailLink, None))


def answer(content: Any, status: int = 200) -> Answer:
    return Answer(status, {"content-type": "text/html; charset=UTF-8"}, json.dumps(content).encode())


def payload_of(**fields: Any) -> SwiftXrtPayload:
    return parse(SwiftXrtPayload, fields, ["payload"])


def order_of(
    payload: Mapping[str, Any], target: Mapping[str, Any] | None = None, user: str = USER
) -> XrtOrder:
    where = {"name": "ZTF26aabcdef", "ra": 150.114042, "dec": 2.205811, **(target or {})}
    return Order(
        request_id="101",
        instrument=None,
        target=Target(**where),
        payload=payload_of(**payload),
        altdata=SwiftXrtAltdata(XRT_UserID=SecretStr(user)),
        allocation=AllocationFacts("xrt", "PI of the proposal", "transients"),
        requester=Requester(),
        now=NOW,
        created_at=NOW,
    )


def request_of(order: XrtOrder) -> HttpRequest:
    return FACILITY.prepare(order, link_to()[1]).http()


def body_of(payload: Mapping[str, Any], target: Mapping[str, Any] | None = None) -> JSON:
    body: JSON = json.loads(request_of(order_of(payload, target)).body)
    return body


def errors_of(**fields: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        payload_of(**fields)
    return {".".join(map(str, error.loc[1:])): error.msg for error in caught.value.errors}


# -- credentials


def test_the_address_is_kept_as_a_secret() -> None:
    altdata = parse(SwiftXrtAltdata, {"XRT_UserID": f" {USER} ", "username": "u", "shared_secret": "hush"})
    assert altdata.XRT_UserID.get_secret_value() == USER
    assert altdata.secret is not None
    assert altdata.secret.get_secret_value() == "hush"
    assert USER not in repr(altdata)
    assert "hush" not in repr(altdata)


@pytest.mark.parametrize(
    "address", ["", "observer1", "a@b@c", "a b@example.org", "@example.org", "x" * 254 + "@e.org"]
)
def test_no_address_no_allocation(address: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(SwiftXrtAltdata, {"XRT_UserID": address}, ["altdata"])
    assert caught.value.errors[0].loc == ("altdata", "XRT_UserID")
    assert len(address) < 5 or address not in caught.value.detail


def test_what_is_required_and_secret() -> None:
    schema = SwiftXrtAltdata.model_json_schema()
    assert schema["required"] == ["XRT_UserID"]
    assert schema["properties"]["XRT_UserID"]["writeOnly"] is True


# -- the peer's and the official client's recordings


@pytest.mark.parametrize("recording", PEER, ids=lambda recording: recording["name"])
def test_the_same_job_as_the_peer_asks_for(recording: JSON) -> None:
    """One exception: the peer's `Tstart` has a rounding error of its arithmetic, some 1e-7 s."""
    known = recording["target"]
    target = {"name": known["id"], "ra": known["ra"], "dec": known["dec"]}
    order = order_of(recording["payload"], target, recording["altdata"]["XRT_UserID"])
    [theirs] = recording["peer"]["sent"]
    [answered] = recording["facility_answered"]
    http, link = link_to(answer({"OK": 1, "numJobs": 0}), Answer(answered[2], {}, answered[3].encode()))
    submission = FACILITY.submit(order, FACILITY.prepare(order, link), link)
    ours = http.sent[-1]
    assert (ours.method, ours.url) == (theirs["method"], theirs["url"])
    body = json.loads(ours.body)
    assert body["Tstart"] == pytest.approx(theirs["json"]["Tstart"], abs=1e-6)
    assert {**body, "Tstart": 0} == {**theirs["json"], "Tstart": 0}
    assert submission.status.value == recording["peer"]["status"]
    assert submission.facility_request_id == "12345"


def test_the_cards_first_example() -> None:
    assert body_of(FORM) == PEER_BODY
    assert body_of({**FORM, "detornot": False}) == {**PEER_BODY, "cent": 0}


@pytest.mark.parametrize("entry", SUBMISSIONS["entries"], ids=lambda entry: entry["name"])
def test_the_same_submission_as_the_official_client(entry: JSON) -> None:
    """Two exceptions: the client sends `pcmaxGap`, `wtmaxGap`, which the server does not know by these names
    (card, Pitfalls); and `detMeth`, which is always in our form, only where it is told.
    """
    [theirs] = entry["sent"]
    ours = request_of(order_of(entry["payload"], SUBMISSIONS["target"]))
    assert (ours.method, ours.url.removeprefix("https://www.swift.ac.uk")) == (
        theirs["method"],
        theirs["path"],
    )
    assert ours.headers["Content-Type"] == theirs["content_type"]
    expected = json.loads(theirs["body"])
    for wrong, right in (("pcmaxGap", "pcmaxgap"), ("wtmaxGap", "wtmaxgap")):
        if wrong in expected:
            expected[right] = expected.pop(wrong)
    body = json.loads(ours.body)
    added = {name: body.pop(name) for name in set(body) - set(expected)}
    assert body == expected
    assert added in ({}, {"detMeth": "simple"})


def test_the_same_other_calls_as_the_official_client() -> None:
    sent = {entry["name"]: entry["sent"] for entry in CALLS["entries"]}
    altdata = SwiftXrtAltdata(XRT_UserID=SecretStr(CALLS["user"]))
    job: str = CALLS["job"]
    parsed = ("psf", "enh", "xastrom", "lc", "spec", "sourceDet")
    everything = "lc,spec,psf,enh,xastrom,image,sourceDet"
    ours = {
        "status": server.call(
            "checkProductStatus.php", altdata, {"JobID": job, "what": everything, "whatProg": everything}
        ),
        "cancel": server.call("canceljob.php", altdata, {"JobID": job, "what": "lc,spec"}),
        "count": server.call("getNumJobs.php", altdata, {}),
        "list": server.call("listOldJobs.php", altdata, {}),
        "old_product": server.call("getOldProduct.php", altdata, {"oldJob": int(job)}),
        **{part: products.results(part, job, altdata) for part in parsed},
    }
    for name, request in ours.items():
        theirs = sent[name][-1]
        assert (request.method, request.url) == (theirs["method"], f"https://www.swift.ac.uk{theirs['path']}")
        assert request.headers["Content-Type"] == theirs["content_type"]
        assert json.loads(request.body) == json.loads(theirs["body"]), name


def test_the_same_archives_as_the_official_client() -> None:
    [entry] = [entry for entry in CALLS["entries"] if entry["name"] == "archives"]
    theirs = {f"https://www.swift.ac.uk{sent['path']}" for sent in entry["sent"] if sent["method"] == "GET"}
    assert len(theirs) == 7
    order = order_of({"products": list(PRODUCTS), "detobs": "all"})
    url = f"{BASE}/tprods/USERPROD_951"
    states = products.available(dict.fromkeys(order.payload.products, State(4)), url)
    found = {product["url"] for product in states if product["name"].endswith(".tar.gz")}
    assert found == theirs


# -- the job


@pytest.mark.parametrize("method", ["snapshot", "obsid"])
def test_other_binnings_need_nothing_else(method: str) -> None:
    body = body_of({"products": ["lc"], "binMeth": method})
    assert body["binMeth"] == method
    assert not {"pccounts", "wtcounts", "dynamic", "pcbin", "wtbin"} & set(body)


def test_bins_of_time_have_their_length_always() -> None:
    body = body_of({"products": ["lc"], "binMeth": "time"})
    assert (body["pcbin"], body["wtbin"]) == (100, 10)
    body = body_of({"products": ["lc"], "binMeth": "time", "pcbin": 50})
    assert (body["pcbin"], body["wtbin"]) == (50, 10)


def test_the_cards_second_example() -> None:
    """But for `specobs` hours and the like, a request in wire names goes out as it is."""
    wire = {
        "getCoords": 1,
        "getTargs": 1,
        "getT0": 1,
        "SinceT0": 1,
        "cent": 1,
        "centMeth": "iterative",
        "maxCentTries": 10,
        "poserr": 1,
        "useSXPS": 0,
        "dchi": 2.706,
        "specz": 1,
        "zval": 0.01,
        "galactic": 1,
        "models": ["powerlaw", "apec"],
        "specobs": "all",
        "specgrades": "all",
        "timeslice": "user",
        "rname1": "early",
        "gti1": "0-1000",
        "rname2": "late",
        "gti2": "1000-50000",
        "imen": "0.3-10,1-4",
        "imobs": "all",
        "detobs": "user",
        "usedetobs": "00013544001,00013544002",
        "detbands": "all",
        "fitStrayLight": 1,
    }
    body = body_of({"products": ["spec", "image", "sourceDet"], **wire}, {"name": "FO Aqr"})
    identity = {"api_name": "xrt_prods", "api_version": "1.12", "UserID": USER, "name": "FO Aqr"}
    assert body == {**identity, **wire, "spec": 1, "image": 1, "sourceDet": 1}


def test_the_positions_own_detornot_is_a_word() -> None:
    body = body_of({"products": ["psf"], "detornot": "centroid"})
    assert (body["detornot"], body["cent"]) == ("centroid", 0)
    assert "detornot" not in body_of({"products": ["psf"], "detornot": True})
    assert body_of({"products": ["psf"], "detornot": "detect", "cent": True})["cent"] == 1


def test_an_integer_position_has_a_decimal_part_on_the_wire() -> None:
    text = request_of(order_of(FORM, {"ra": 150, "dec": -3})).body.decode()
    assert '"RA": 150.0' in text
    assert '"Dec": -3.0' in text


def test_target_ids_switch_the_look_up_off() -> None:
    body = body_of({**FORM, "targ": "00013544, 00013545"})
    assert (body["targ"], body["getTargs"]) == ("00013544,00013545", 0)


def test_a_redshift_brings_the_galactic_absorber() -> None:
    body = body_of({"products": ["spec"], "zval": 0.3})
    assert (body["specz"], body["galactic"]) == (1, 1)
    assert body_of({"products": ["spec"], "zval": 0.3, "galactic": False})["galactic"] == 0


def test_chosen_observations_and_hours() -> None:
    chosen = {"uselcobs": "00013544001", "useposobs": "00013544001", "usespecobs": "00013544001"}
    body = body_of({"products": ["lc", "spec", "psf"], **chosen})
    assert (body["lcobs"], body["posobs"], body["specobs"]) == ("user", "user", "user")
    body = body_of({"products": ["spec", "psf"], "specobstime": 6, "posobs": "hours"})
    assert (body["specobs"], body["specobstime"], body["posobstime"]) == ("hours", 6, 12)


def test_the_reference_time() -> None:
    assert body_of({})["Tstart"] == met.of_utc(NOW)
    assert "moment of submission" in FACILITY.prepare(order_of({}), link_to()[1]).notes[0]
    assert body_of({"Tstart": 807278405})["Tstart"] == 807278405
    assert "Tstart" not in body_of({"getT0": True})
    assert body_of({"T0": "2026-08-01T12:00:00.5Z"})["Tstart"] == 807278405.5


@pytest.mark.parametrize(
    ("moment", "leap_s"),
    [
        ((2005, 12, 31), 0),
        ((2006, 1, 1), 1),
        ((2009, 1, 1), 2),
        ((2012, 6, 30), 2),
        ((2012, 7, 1), 3),
        ((2015, 7, 1), 4),
        ((2017, 1, 1), 5),
        ((2026, 8, 1), 5),
    ],
)
def test_mission_time_counts_leap_seconds(moment: tuple[int, int, int], leap_s: int) -> None:
    when = datetime(*moment, tzinfo=UTC)
    assert met.of_utc(when) - (when - datetime(2001, 1, 1, tzinfo=UTC)) / timedelta(seconds=1) == leap_s


def test_mission_time_and_mjd() -> None:
    assert met.to_mjd(24.888) == 51910.0
    assert met.tdb_to_mjd(61254.5) == pytest.approx(61254.5 - 69.184 / 86400, abs=1e-9)


# -- what is refused


@pytest.mark.parametrize(
    ("fields", "field", "text"),
    [
        ({"poserr": 0.5}, "poserr", "1"),
        ({"poserr": 6.5}, "poserr", "6"),
        ({"poserr": "1"}, "poserr", "number, not text"),
        ({"binMeth": "photon"}, "binMeth", "'counts'"),
        ({"centMeth": "quick"}, "centMeth", "'simple'"),
        ({"detornot": "yes"}, "detornot", "detect"),
        ({"detornot": 2}, "detornot", ""),
        ({"T0": "yesterday"}, "T0", "YYYY-MM-DD"),
        ({"T0": "2000-12-31"}, "T0", "2001-01-01"),
        ({"products": []}, "products", "at least 1"),
        ({"products": ["lc", "lc"]}, "products", "twice"),
        ({"products": ["uvot"]}, "products.0", "'lc'"),
        ({"products": ["image"], "pccounts": 3}, "pccounts", "goes with the product lc"),
        ({"products": ["lc"], "zval": 1.0}, "zval", "goes with the product spec"),
        ({"products": ["lc"], "posobs": "all"}, "posobs", "enh or psf or xastrom"),
        ({"products": ["lc"], "detornot": "detect"}, "detornot", "go with a position"),
        ({"products": ["image"], "srcrad": 20}, "srcrad", "lc or spec"),
        ({"products": ["sourceDet"]}, "detobs", "required"),
        ({"products": ["sourceDet"], "detobs": "user"}, "usedetobs", "required where detobs is user"),
        ({"uselcobs": "00013544001", "lcobs": "all"}, "uselcobs", "only goes with lcobs user"),
        ({"specobstime": 3, "specobs": "all"}, "specobstime", "specobs hours"),
        ({"T0": "2026-08-01", "Tstart": 8e8}, "Tstart", "one of them"),
        ({"T0": "2026-08-01", "getT0": True}, "getT0", "override"),
        ({"targ": "00013544", "getTargs": True}, "getTargs", "override"),
        ({"getTargs": False}, "targ", "required"),
        ({"targ": "13544"}, "targ", "pattern"),
        ({"detornot": True, "cent": False}, "cent", "contradicts"),
        ({"specz": True}, "zval", "required"),
        ({"specz": False, "zval": 0.1}, "zval", "specz true"),
        ({"doNotFit": True, "zval": 0.1}, "doNotFit", "redshift"),
        ({"timeslice": "user"}, "gti1", "required"),
        ({"timeslice": "user", "rname1": "a"}, "gti1", "go together"),
        ({"timeslice": "obsid", "rname1": "a", "gti1": "0-10"}, "rname1", "timeslice user"),
        ({"rname1": "a", "gti1": "0-10", "rname2": "a", "gti2": "10-20"}, "rname2", "repeat"),
        ({"rname1": "a b", "gti1": "0-10"}, "rname1", "pattern"),
        ({"minen": 5, "maxen": 2}, "maxen", "greater than minen"),
        ({"soft2": 12}, "soft2", "0.3 to 10 keV"),
        ({"hard1": 9, "maxen": 8}, "hard1", "0.3 to 8 keV"),
        ({"models": ["powerlaw", "powerlaw"]}, "models", "twice"),
        ({"models": ["bbody"]}, "models.0", "'powerlaw'"),
        ({"pccounts": 20, "pcCounts": 20}, "pcCounts", "another name of pccounts"),
        ({"pcCounts": 2.5}, "pccounts", ""),
        ({"femin": 2}, "femin", "1"),
        ({"imen": "soft", "products": ["image"]}, "imen", "pattern"),
        ({"flux_density": True, "products": ["lc"]}, "flux_density", "powerlaw"),
        ({"exposure_time": 5}, "exposure_time", "not a field"),
        ({"request_type": "XRT/UVOT ToO"}, "request_type", "'XRT API'"),
    ],
)
def test_every_limit_names_its_field(fields: JSON, field: str, text: str) -> None:
    found = errors_of(**fields)
    assert list(found) == [field]
    assert text in found[field]


def test_every_field_is_described() -> None:
    schema = SwiftXrtPayload.model_json_schema()
    assert schema["additionalProperties"] is False
    assert "required" not in schema
    assert all({"title", "description"} <= set(field) for field in schema["properties"].values())


@pytest.mark.parametrize(("given", "meant"), [("timeFormat", "lctimetype"), ("allowBayes", "allowB")])
def test_other_names_are_taken(given: str, meant: str) -> None:
    value = {"timeFormat": "m", "allowBayes": "both"}[given]
    assert getattr(payload_of(**{given: value}), meant) == value


# -- any accepted payload makes a job that the server accepts

_OBSERVATIONS = st.sampled_from(["00013544001", "00013544001,00013544002"])
_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "products": st.lists(st.sampled_from(list(PRODUCTS)), min_size=1, max_size=7, unique=True),
    "detornot": st.sampled_from([True, False, "detect", "centroid"]),
    "cent": st.booleans(),
    "centMeth": st.sampled_from(["simple", "iterative"]),
    "detMeth": st.sampled_from(["simple", "iterative"]),
    "T0": st.datetimes(datetime(2005, 1, 1), datetime(2100, 1, 1)).map(lambda moment: moment.isoformat(" ")),  # noqa: DTZ001
    "getT0": st.booleans(),
    "getTargs": st.booleans(),
    "getCoords": st.booleans(),
    "targ": st.sampled_from(["00013544", "00013544,00013545"]),
    "poserr": st.floats(1, 6),
    "binMeth": st.sampled_from(["counts", "time", "snapshot", "obsid"]),
    "pccounts": st.integers(1, 500),
    "dynamic": st.booleans(),
    "pcbin": st.floats(0.1, 1e5),
    "minen": st.floats(0.1, 3),
    "maxen": st.floats(2, 12),
    "soft2": st.floats(0.2, 5),
    "lctimetype": st.sampled_from(["s", "m"]),
    "lcobs": st.sampled_from(["all", "user"]),
    "uselcobs": _OBSERVATIONS,
    "srcrad": st.integers(5, 60),
    "specz": st.booleans(),
    "zval": st.floats(0, 9),
    "galactic": st.booleans(),
    "models": st.lists(st.sampled_from(["powerlaw", "apec", "blackbody"]), min_size=1, unique=True),
    "specobs": st.sampled_from(["all", "user", "hours"]),
    "specobstime": st.floats(1, 100),
    "timeslice": st.sampled_from(["single", "user", "snapshot", "obsid"]),
    "rname1": st.sampled_from(["early", "x1"]),
    "gti1": st.just("0-1000"),
    "posobs": st.sampled_from(["all", "user", "hours"]),
    "useposobs": _OBSERVATIONS,
    "posobstime": st.floats(1, 100),
    "imen": st.sampled_from(["0.3-10", "0.3-10,1-4"]),
    "imobs": st.sampled_from(["all", "user"]),
    "detobs": st.sampled_from(["all", "user"]),
    "usedetobs": _OBSERVATIONS,
    "flux_density": st.booleans(),
}


_SLICES = {"timeslice", "rname1", "gti1"}
_PARTNERS: dict[str, set[str]] = {
    "gti1": _SLICES,
    "rname1": _SLICES,
    "targ": {"getTargs"},
    "zval": {"specz"},
    "uselcobs": {"lcobs"},
    "usespecobs": {"specobs"},
    "useposobs": {"posobs"},
    "useimobs": {"imobs"},
    "usedetobs": {"detobs"},
}
"""What asks for a field that is missing: taken out with it."""


def _repaired(fields: JSON) -> SwiftXrtPayload:
    """The payload of what is left when everything that is complained of has been taken out."""
    for _ in range(len(_FIELDS)):
        try:
            return payload_of(**fields)
        except Invalid as error:
            named = {str(each.loc[1]) for each in error.errors}
            gone = named.union(*(_PARTNERS.get(name, ()) for name in named))
            fields = {name: value for name, value in fields.items() if name not in gone}
            if "sourceDet" in fields.get("products", ()):
                fields.setdefault("detobs", "all")
    raise AssertionError(f"still refused: {fields}")


@settings(max_examples=100)
@given(st.fixed_dictionaries({}, optional=_FIELDS))
def test_the_server_accepts_whatever_we_accept(fields: JSON) -> None:
    payload = _repaired(fields)
    order = order_of(payload.model_dump(mode="json", exclude_unset=True))
    body = json.loads(request_of(order).body)
    assert validation.problems(body) == []
    assert set(payload.products) <= set(validation.wanted(body))


def test_a_submission_keeps_what_following_needs() -> None:
    order = order_of(FORM)
    pars = {"UserID": USER, "Tstart": 807278405.0, "targ": "{00010873,00010907}"}
    taken = {"OK": "1", "JobID": 951, "URL": f"{BASE}/tprods/USERPROD_951/", "jobPars": pars, "APIVersion": 2}
    _, link = link_to(answer({"OK": 1, "numJobs": "0"}), answer(taken))
    submission: Submission = FACILITY.submit(order, FACILITY.prepare(order, link), link)
    assert submission.facility_request_id == "951"
    assert submission.data["url"] == f"{BASE}/tprods/USERPROD_951"
    assert submission.data["t0"] == 807278405.0
    assert submission.data["job_pars"] == {"Tstart": 807278405.0, "targ": "{00010873,00010907}"}
    assert submission.notes == ("the service's interface is at version 2, this client at 1.12",)
