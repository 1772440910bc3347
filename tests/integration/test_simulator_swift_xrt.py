"""The Swift XRT simulator keeps the rules of swift_xrt.md: refusals, life of a job, results, archives."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from local.simulators.swift_xrt import OTHER_USER, UNSEEN, USER, SwiftXrtServer
from tests.support.frozen import FrozenClock

JSON = dict[str, Any]
DATA = Path(__file__).parents[1] / "data" / "swift_xrt"
SUBMISSIONS: list[JSON] = json.loads((DATA / "submissions.json").read_text())["entries"]
WHO: JSON = {"api_name": "xrt_prods", "api_version": "1.12", "UserID": USER}
JOB: JSON = {
    **WHO,
    "name": "ZTF26aabcdef",
    "RA": 150.114042,
    "Dec": 2.205811,
    "getTargs": 1,
    "cent": 1,
    "poserr": 1,
    "useSXPS": 0,
    "Tstart": 807278405.0,
    "lc": 1,
    "binMeth": "counts",
    "pccounts": 20,
    "wtcounts": 30,
    "dynamic": 1,
}
EVERYTHING: JSON = {
    **JOB,
    **dict.fromkeys(("spec", "dopsf", "doenh", "doxastrom", "image", "sourceDet"), 1),
    "specz": 0,
    "detobs": "all",
    "lctimetype": "m",
}
MISSING = "The following parameters are needed, but were not supplied:"
WRONG = "The following parameters have invalid values:"


@pytest.fixture(scope="module")
def served() -> Iterator[SwiftXrtServer]:
    server = SwiftXrtServer(FrozenClock())
    server.start()
    yield server
    server.stop()


@pytest.fixture
def xrt(served: SwiftXrtServer) -> SwiftXrtServer:
    served.reset()
    return served


def call(xrt: SwiftXrtServer, script: str, content: JSON | str, **headers: str) -> JSON:
    body = content if isinstance(content, str) else json.dumps(content)
    answer = requests.post(f"{xrt.base_url}/{script}", data=body, headers=headers, timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=UTF-8"
    found: JSON = answer.json()
    assert "APIVersion" in found
    return found


def submit(xrt: SwiftXrtServer, content: JSON = JOB) -> JSON:
    found = call(xrt, "run_userobject.php", content)
    assert found["OK"] == 1, found
    return found


def states(xrt: SwiftXrtServer, job: str, what: str = "lc,spec,psf,enh,xastrom,image,sourceDet") -> JSON:
    found = call(xrt, "checkProductStatus.php", {**WHO, "JobID": job, "what": what})
    return {name: each["statusCode"] for name, each in found.items() if isinstance(each, dict)}


def advance(xrt: SwiftXrtServer, seconds: float) -> None:
    assert requests.post(f"{xrt.url}/_clock", json={"advance_s": seconds}, timeout=10).ok


def configure(xrt: SwiftXrtServer, **settings: Any) -> None:
    answer = requests.post(f"{xrt.url}/_config", json=settings, timeout=10)
    assert answer.status_code == 200, answer.text


# -- what is refused


@pytest.mark.parametrize("body", ["", "{", "[]", "nonsense"])
def test_broken_json(xrt: SwiftXrtServer, body: str) -> None:
    assert call(xrt, "run_userobject.php", body)["OK"] == 0


def test_the_content_type_is_of_no_importance(xrt: SwiftXrtServer) -> None:
    found = call(xrt, "run_userobject.php", JOB, **{"Content-Type": "text/plain"})
    assert found["OK"] == 1


@pytest.mark.parametrize(
    "script", ["run_userobject.php", "getNumJobs.php", "listOldJobs.php", "canceljob.php"]
)
def test_only_registered_users(xrt: SwiftXrtServer, script: str) -> None:
    found = call(xrt, script, {**JOB, "UserID": "x@y.z"})
    assert (found["OK"], found["ERROR"]) == (0, "The user `x@y.z` is not recognised / validated")


@pytest.mark.parametrize(
    ("changes", "label", "items"),
    [
        ({"Dec": None, "cent": None}, MISSING, ["Dec", "cent"]),
        ({"getTargs": 0}, MISSING, ["targ"]),
        ({"name": ""}, MISSING, ["name"]),
        ({"poserr": None}, MISSING, ["poserr"]),
        ({"binMeth": None}, MISSING, ["binMeth"]),
        ({"dynamic": None, "pccounts": None}, MISSING, ["pccounts", "dynamic"]),
        ({"binMeth": "time"}, MISSING, ["pcbin", "wtbin"]),
        ({"spec": 1}, MISSING, ["specz"]),
        ({"spec": 1, "specz": 1}, MISSING, ["zval"]),
        ({"spec": 1, "specz": 0, "timeslice": "user", "rname2": "a"}, MISSING, ["gti2"]),
        ({"lcobs": "user"}, MISSING, ["uselcobs"]),
        ({"dopsf": 1, "posobs": "hours"}, MISSING, ["posobstime"]),
        ({"sourceDet": 1}, MISSING, ["detobs"]),
        ({"poserr": 0.01}, WRONG, ["poserr is 0.01, but must be between 1 and 6"]),
        ({"poserr": 60}, WRONG, ["poserr is 60, but must be between 1 and 6"]),
        ({"RA": 150}, WRONG, ["RA is 150, but must have a decimal part"]),
        ({"cent": True}, WRONG, ["cent is True, but must be 0 or 1"]),
        ({"lctimetype": "mjd"}, WRONG, ["lctimetype is mjd, but must be one of s, m"]),
        ({"targ": "13544"}, WRONG, ["targ is 13544, but must be 8-digit target ids, separated by commas"]),
        ({"pcmaxGap": 1e6}, "The following parameters are not recognised:", ["pcmaxGap"]),
    ],
)
def test_bad_parameters_are_listed(xrt: SwiftXrtServer, changes: JSON, label: str, items: list[str]) -> None:
    sent = {name: value for name, value in {**JOB, **changes}.items() if value is not None}
    found = call(xrt, "run_userobject.php", sent)
    assert (found["OK"], found["ERROR"]) == (0, "There were problems with the parameters you supplied.")
    assert found["listErr"] == [{"label": label, "list": items}]
    assert requests.get(f"{xrt.url}/_jobs", timeout=10).json() == []


def test_other_refusals(xrt: SwiftXrtServer) -> None:
    assert call(xrt, "run_userobject.php", {**JOB, "lc": 0})["ERROR"] == "No products were requested."
    unseen = {**JOB, "RA": UNSEEN[0], "Dec": UNSEEN[1]}
    assert "no Swift-XRT data" in call(xrt, "run_userobject.php", unseen)["ERROR"]
    configure(xrt, max_jobs=1)
    submit(xrt)
    assert "too many jobs" in call(xrt, "run_userobject.php", JOB)["ERROR"]


@pytest.mark.parametrize("entry", SUBMISSIONS, ids=lambda entry: entry["name"])
def test_the_official_clients_submissions_are_taken(xrt: SwiftXrtServer, entry: JSON) -> None:
    """But for the two names that the client gets wrong (card, Pitfalls)."""
    body = entry["sent"][0]["body"].replace("pcmaxGap", "pcmaxgap").replace("wtmaxGap", "wtmaxgap")
    assert call(xrt, "run_userobject.php", body)["OK"] == 1


# -- the life of a job


def test_the_answer_to_a_submission(xrt: SwiftXrtServer) -> None:
    found = submit(xrt, {**JOB, "doxastrom": 1})
    assert found["JobID"] == "951"
    assert found["URL"] == f"{xrt.base_url}/tprods/USERPROD_951"
    pars = found["jobPars"]
    assert (pars["pccounts"], pars["lctimetype"], pars["mincmin"], pars["targ"]) == (
        "20",
        "s",
        "15",
        "00015102",
    )
    assert (pars["dopsf"], pars["doxastrom"], pars["image"]) == (1, 1, 0)
    assert (
        submit(xrt, {**JOB, "getTargs": 0, "targ": "00010873,00010907"})["jobPars"]["targ"]
        == "{00010873,00010907}"
    )


def test_products_run_their_course(xrt: SwiftXrtServer) -> None:
    job = submit(xrt, EVERYTHING)["JobID"]
    assert set(states(xrt, job).values()) == {1}
    advance(xrt, 6)
    assert set(states(xrt, job).values()) == {2}
    advance(xrt, 60)
    assert states(xrt, job) == {
        **dict.fromkeys(("lc", "spec", "psf", "enh", "image", "sourceDet"), 3),
        "xastrom": 5,
    }
    advance(xrt, 240)
    assert states(xrt, job, "psf,xastrom") == {"psf": 4, "xastrom": 3}
    advance(xrt, 240)
    assert set(states(xrt, job).values()) == {4}


def test_progress_is_given_where_it_is_asked_for(xrt: SwiftXrtServer) -> None:
    job = submit(xrt)["JobID"]
    advance(xrt, 150)
    asked = {**WHO, "JobID": job, "what": "lc"}
    assert call(xrt, "checkProductStatus.php", asked)["lc"]["progress"] == {"GotProgress": 0}
    found = call(xrt, "checkProductStatus.php", {**asked, "whatProg": "lc"})
    assert found["JobID"] == int(job)
    assert [step["StepStatus"] for step in found["lc"]["progress"]["ProgressSteps"]] == [2, 1, 0, 0]
    assert found["lc"]["progress"]["TimeRunning"] == "00:01:30"


@pytest.mark.parametrize("code", [-1, -2, -3])
def test_other_ends(xrt: SwiftXrtServer, code: int) -> None:
    configure(xrt, outcomes={"psf": code})
    job = submit(xrt, EVERYTHING)["JobID"]
    advance(xrt, 600)
    found = states(xrt, job)
    assert (found["psf"], found["xastrom"], found["lc"]) == (code, -3, 4)
    url = f"{xrt.base_url}/tprods/USERPROD_{job}"
    assert requests.get(f"{url}/psf.tar.gz", timeout=10).status_code == 404
    assert requests.get(f"{url}/lc.tar.gz", timeout=10).status_code == 200


def test_jobs_are_their_users(xrt: SwiftXrtServer) -> None:
    job = submit(xrt)["JobID"]
    for script in ("checkProductStatus.php", "canceljob.php", "tprods/getLCData.php"):
        found = call(xrt, script, {**WHO, "UserID": OTHER_USER, "JobID": job, "what": "lc"})
        assert (found["OK"], found["ERROR"]) == (0, f"Job {job} is not owned by user {OTHER_USER}")


def test_cancelling_product_by_product(xrt: SwiftXrtServer) -> None:
    job = submit(xrt, EVERYTHING)["JobID"]
    found = call(xrt, "canceljob.php", {**WHO, "JobID": int(job), "what": "lc,spec"})
    assert (found["OK"], found["statusCodes"]) == (1, {"lc": 0, "spec": 0})
    assert states(xrt, job, "lc,psf") == {"lc": -4, "psf": 1}
    advance(xrt, 600)
    found = call(xrt, "canceljob.php", {**WHO, "JobID": job, "what": "lc,psf,uvot"})
    assert (found["OK"], found["statusCodes"]) == (2, {"lc": 1, "psf": 1, "uvot": 2})
    assert requests.get(f"{xrt.base_url}/tprods/USERPROD_{job}/lc.zip", timeout=10).status_code == 404


def test_bookkeeping(xrt: SwiftXrtServer) -> None:
    submit(xrt)
    advance(xrt, 600)
    job = submit(xrt, EVERYTHING)["JobID"]
    assert call(xrt, "getNumJobs.php", WHO)["numJobs"] == 1
    newest, oldest = call(xrt, "listOldJobs.php", WHO)["jobs"]
    assert (newest["JobID"], newest["AstromPos"], oldest["Spectrum"], oldest["hasProd"]) == (
        952,
        True,
        False,
        True,
    )
    assert newest["DateSubmitted"] > oldest["DateSubmitted"]
    old = call(xrt, "getOldProduct.php", {**WHO, "oldJob": int(job)})
    assert (old["oldJob"], old["jobPars"]["name"]) == (952, "ZTF26aabcdef")
    assert call(xrt, "listOldJobs.php", {**WHO, "UserID": OTHER_USER})["jobs"] == []
    advance(xrt, 100 * 86400)
    assert [job["hasProd"] for job in call(xrt, "listOldJobs.php", WHO)["jobs"]] == [False, False]
    assert requests.get(f"{old['URL']}/lc.tar.gz", timeout=10).status_code == 404


def test_what_the_answers_carry(xrt: SwiftXrtServer) -> None:
    warning = {"type": "old", "message": "Update"}
    configure(xrt, api_version="2.0", deprecation=warning)
    found = call(xrt, "getNumJobs.php", WHO)
    assert (found["APIVersion"], found["deprecationWarning"]) == ("2.0", warning)


def test_settings_that_make_no_sense(xrt: SwiftXrtServer) -> None:
    for settings in ({"colour": 1}, {"spectrum": "blue"}):
        assert requests.post(f"{xrt.url}/_config", json=settings, timeout=10).status_code == 400


# -- results


@pytest.fixture
def finished(xrt: SwiftXrtServer) -> str:
    job = submit(xrt, EVERYTHING)["JobID"]
    advance(xrt, 600)
    return str(job)


def result(xrt: SwiftXrtServer, job: str, script: str, **more: Any) -> JSON:
    return call(xrt, f"tprods/{script}", {**WHO, "JobID": job, **more})


@pytest.mark.parametrize("script", ["getPSFPos.php", "getEnhPos.php", "getAstromPos.php"])
def test_positions_are_text(xrt: SwiftXrtServer, finished: str, script: str) -> None:
    found = result(xrt, finished, script)
    assert found["GotPos"] == 1
    assert {type(found[name]) for name in ("RA", "Dec", "Err90")} == {str}
    assert abs(float(found["RA"]) - 150.114042) < 1e-3


def test_results_before_the_end_are_refused(xrt: SwiftXrtServer) -> None:
    job = submit(xrt)["JobID"]
    assert result(xrt, job, "getLCData.php")["OK"] == 0
    assert result(xrt, job, "getPSFPos.php")["ERROR"] == "This product was not requested."


def test_a_light_curve_on_either_axis(xrt: SwiftXrtServer, finished: str) -> None:
    other = submit(xrt)["JobID"]
    advance(xrt, 600)
    by_mjd, by_met = (result(xrt, job, "getLCData.php") for job in (finished, other))
    assert (by_mjd["TimeFormat"], by_met["TimeFormat"]) == ("MJD", "MET")
    assert by_mjd["Datasets"] == ["WT", "PC", "PCUL", "PCHard", "PCSoft", "PCHR"]
    for curve in (by_mjd, by_met):
        for name in curve["Datasets"]:
            table = curve[f"{name}Data"]
            assert all(len(row) == len(table["columns"]) for row in table["data"])
    first = float(by_mjd["WTData"]["data"][0][0])
    assert first == pytest.approx(51910 + (807278405 + 90 - 24.888) / 86400, abs=1e-6)
    assert by_met["WTData"]["data"][0][0] == "90.00000000"
    assert by_mjd["PCULData"]["data"][0][-1] == "inf"


@pytest.mark.parametrize(
    ("nosys", "incbad", "sets"), [("no", "yes", 6), ("both", "both", 24), ("no", "both", 12)]
)
def test_variants_of_a_light_curve(
    xrt: SwiftXrtServer, finished: str, nosys: str, incbad: str, sets: int
) -> None:
    found = result(xrt, finished, "getLCData.php", nosys=nosys, incbad=incbad)
    assert len(found["Datasets"]) == len(set(found["Datasets"])) == sets
    assert ("PC_incbad" in found["Datasets"]) is (incbad != "no")


def test_spectra(xrt: SwiftXrtServer) -> None:
    slices = {"timeslice": "user", "rname1": "early", "gti1": "0-10", "rname3": "late", "gti3": "10-20"}
    sent = {**EVERYTHING, **slices, "models": ["powerlaw", "apec"]}
    found = {}
    for kind in ("fit", "nofit", "nospec", "nospectrum"):
        configure(xrt, spectrum=kind)
        job = submit(xrt, sent)["JobID"]
        advance(xrt, 600)
        found[kind] = result(xrt, job, "getSpecData.php")
    assert found["fit"]["rnames"] == ["early", "late"]
    assert set(found["fit"]["late"]["PC"]) == {"MeanTime", "Exposure", "Models", "PowerLaw", "APEC"}
    assert "kT" in found["fit"]["early"]["PC"]["APEC"]
    assert "NOFIT" in found["nofit"]["early"]["PC"]["PowerLaw"]
    assert "NOSPEC" in found["nospec"]["early"]
    assert "NoSpectrum" in found["nospectrum"]


def test_archives(xrt: SwiftXrtServer, finished: str) -> None:
    url = f"{xrt.base_url}/tprods/USERPROD_{finished}"
    contents = {form: requests.get(f"{url}/all.{form}", timeout=10) for form in ("tar.gz", "tar", "zip")}
    assert {each.status_code for each in contents.values()} == {200}
    with tarfile.open(fileobj=io.BytesIO(contents["tar.gz"].content)) as archive:
        names = set(archive.getnames())
    with tarfile.open(fileobj=io.BytesIO(contents["tar"].content)) as archive:
        assert set(archive.getnames()) == names
    with zipfile.ZipFile(io.BytesIO(contents["zip"].content)) as packed:
        assert set(packed.namelist()) == names
    expected = {
        "lc/PCCURVE.qdp",
        "spec/interval0.tar.gz",
        "psf/results.dat",
        "enh/success.txt",
        "xastrom/corrpos.dat",
    }
    assert {f"USERPROD_{finished}/{name}" for name in expected} <= names
    for missing in ("lc.rar", "uvot.tar.gz", ""):
        answer = requests.get(f"{url}/{missing}", timeout=10)
        assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (404, "text/html")
