"""The LT simulator keeps the rules of lt.md: transport, reading, order of checks, state, data pages."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from xml.etree import ElementTree

import pytest
import requests

from local.simulators.lt import DATA_PASSWORD, PASSWORD, PROPOSAL, USER, LtServer
from tests.integration.lt_bench import START, StoppedClock

HEADERS = {"Username": USER, "Password": PASSWORD, "Content-Type": "text/xml", "SOAPAction": '""'}
SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
SPACE = "{http://www.rtml.org/v3.1a}"
# The peer's library writes an encodingStyle and prefixes of its own.
ENVELOPE = (
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:q="http://node_agent2.estar.org/"'
    ' e:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><e:Header/><e:Body>{}</e:Body></e:Envelope>'
)
SCHEDULE = """<Schedule><Device name="IO:O" type="camera"><SpectralRegion>optical</SpectralRegion><Setup>
<Filter type="G"/><Detector><Binning><X units="pixels">2</X><Y units="pixels">2</Y></Binning></Detector>
</Setup></Device><Exposure count="1"><Value units="seconds">300.0</Value></Exposure>
<Target name="ZTF26aabcdef">
<Coordinates><RightAscension><Hours>15</Hours><Minutes>19</Minutes><Seconds>50.889672</Seconds>
</RightAscension><Declination><Degrees>+34</Degrees><Arcminutes>50</Arcminutes>
<Arcseconds>39.39252</Arcseconds>
</Declination><Equinox>J2000</Equinox></Coordinates></Target><AirmassConstraint maximum="2.0"/>
<SkyConstraint><Flux>2.0</Flux><Units>magnitudes/square-arcsecond</Units></SkyConstraint>
<SeeingConstraint maximum="1.2" units="arcseconds"/><ExtinctionConstraint><Clouds>light</Clouds>
</ExtinctionConstraint><DateTimeConstraint type="include">
<DateTimeStart system="UT" value="2026-11-22T20:00:00+00:00"/>
<DateTimeEnd system="UT" value="2026-11-29T20:00:00+00:00"/></DateTimeConstraint></Schedule>"""
SECOND = SCHEDULE.replace('type="G"', 'type="R"')


@pytest.fixture
def lt() -> Iterator[LtServer]:
    simulator = LtServer(StoppedClock())
    simulator.start()
    yield simulator
    simulator.stop()


def document(mode: str = "request", uid: str = "u-1-2", body: str = SCHEDULE, user: str = USER) -> str:
    contact = f"<Contact><Username>{user}</Username><Name>{user}</Name></Contact>"
    return (
        f'<RTML xmlns="http://www.rtml.org/v3.1a" mode="{mode}" uid="{uid}" version="3.1a">'
        f'<Project ProjectID="{PROPOSAL}">{contact}</Project>{body}</RTML>'
    )


def post(lt: LtServer, inner: str, headers: dict[str, str] | None = None) -> requests.Response:
    return requests.post(
        f"{lt.url}/node_agent2/node_agent",
        data=ENVELOPE.format(inner).encode(),
        headers=HEADERS if headers is None else headers,
        timeout=10,
    )


def call(lt: LtServer, text: str) -> str:
    answer = post(lt, f"<q:handle_rtml><arg0>{escape(text)}</arg0></q:handle_rtml>")
    assert answer.status_code == 200, answer.text
    root = ElementTree.fromstring(answer.content)
    [response] = root.findall(f"{SOAP}Body/*")
    assert response.tag == "{http://node_agent2.estar.org/}handle_rtmlResponse"
    [returned] = response
    assert returned.tag == "return"
    return returned.text or ""


def reply(lt: LtServer, text: str) -> ElementTree.Element:
    answered = call(lt, text)
    assert answered.startswith('<?xml version="1.0" encoding="ISO-8859-1" standalone="no"?>')
    return ElementTree.fromstring(answered)


def errors(root: ElementTree.Element) -> list[str]:
    return [each.text or "" for each in root.iter(f"{SPACE}Error")]


# -- transport


def test_the_wsdl_is_rpc_literal_and_names_its_own_address(lt: LtServer) -> None:
    text = requests.get(f"{lt.url}/node_agent2/node_agent?wsdl", timeout=10).text
    assert f'location="{lt.url}/node_agent2/node_agent"' in text
    assert 'style="rpc"' in text
    assert 'use="literal"' in text
    assert ElementTree.fromstring(text).attrib["targetNamespace"] == "http://node_agent2.estar.org/"


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({}, "Failed to find username in headers."),
        ({"Username": USER}, f"Failed to find password in headers for username:{USER}"),
        (
            {"Username": "nobody01", "Password": "x"},
            "Failed to find password for username:nobody01 in persistent store.",
        ),
        ({"Username": USER, "Password": "x"}, f"Incorrect Password for User:{USER}"),
    ],
)
@pytest.mark.parametrize("inner", ["<q:ping/>", "no XML <"])
def test_credentials_come_before_the_body(
    lt: LtServer, headers: dict[str, str], text: str, inner: str
) -> None:
    answer = post(lt, inner, headers)
    assert answer.status_code == 500
    [fault] = ElementTree.fromstring(answer.content).iter("faultstring")
    prefix = "org.estar.node_agent2.NodeAgentWebServiceImpl:checkUsernamePassword:"
    assert fault.text == prefix + text


def test_header_names_may_have_any_case(lt: LtServer) -> None:
    answer = post(lt, "<q:ping/>", {"USERNAME": USER, "password": PASSWORD})
    assert "<return>ACK</return>" in answer.text


@pytest.mark.parametrize(
    "inner", ["<q:pong/>", "<q:handle_rtml/>", "<q:handle_rtml><x/></q:handle_rtml>", ""]
)
def test_other_calls_are_faults(lt: LtServer, inner: str) -> None:
    assert post(lt, inner).status_code == 500


def test_other_pages_are_tomcats(lt: LtServer) -> None:
    answer = requests.get(f"{lt.url}/elsewhere", timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html;charset=utf-8")


# -- reading


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('version="3.1a"', 'version="2.2"', "Illegal version:2.2"),
        ('uid="u-1-2"', "", "RTML has no uid attribute"),
        ('mode="request"', "", "RTML has no mode attribute"),
        ("+34", "34", "Illegal Degrees value:34 does not start with a '+' or '-'."),
        ("<Hours>15", "<Hours> 15", "NumberFormatException"),
        ("<Hours>15", "<Hours>24", "out of range"),
        ("<Seconds>50.889672", "<Seconds>60.0", "out of range"),
        ('count="1"', 'count="1.0"', "NumberFormatException"),
        (">2</X>", ">2.0</X>", "NumberFormatException"),
        ("magnitudes/square-arcsecond", "mag", "Illegal Units"),
        ("light", "Light", "Illegal Clouds"),
        ('system="UT"', 'system="TT"', "Illegal system"),
        ("include", "exclude", "Illegal type"),
        ("2026-11-22T20:00:00", "2026-11-22 20:00:00", "Unparseable date"),
        ("2026-11-22T20:00:00", "2026-11-22T20:00", "Unparseable date"),
        ("</RTML>", "", "SAXParseException"),
    ],
)
def test_what_cannot_be_parsed_is_refused_as_rtml_2_2(lt: LtServer, old: str, new: str, words: str) -> None:
    text = document()
    assert old in text
    answered = call(lt, text.replace(old, new))
    assert '<!DOCTYPE RTML SYSTEM "http://www.estar.org.uk/documents/rtml2.2.dtd">' in answered
    root = ElementTree.fromstring(answered)
    assert (root.tag, root.attrib) == ("RTML", {"type": "reject", "version": "2.2"})
    assert words in (root.text or "")
    assert (root.text or "").endswith(" : badly formatted rtml received")


def test_a_prefix_is_refused(lt: LtServer) -> None:
    text = document().replace("xmlns=", "xmlns:r=").replace("<RTML", "<r:RTML").replace("/RTML", "/r:RTML")
    assert "Illegal Node Name:r:RTML" in call(lt, text)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-23T20:00:00+01:00", "2026-11-23T20:00:00+00:00"),  # a colon is not heeded
        ("2026-11-23T20:00:00+0100", "2026-11-23T19:00:00+00:00"),
        ("2026-11-23T20:00:00.9", "2026-11-23T20:00:00+00:00"),
    ],
)
def test_offsets_as_the_lt_reads_them(lt: LtServer, written: str, meant: str) -> None:
    reply(lt, document(body=SCHEDULE.replace("2026-11-22T20:00:00+00:00", written)))
    [group] = requests.get(f"{lt.url}/_groups", timeout=10).json()
    assert group["window"][0] == meant


def test_unknown_elements_a_missing_namespace_and_another_order_do_not_matter(lt: LtServer) -> None:
    text = document(body=SCHEDULE.replace("<Schedule>", "<Schedule><Whatever/>")).replace(
        ' xmlns="http://www.rtml.org/v3.1a"', ""
    )
    assert reply(lt, text).attrib["mode"] == "confirm"


# -- checks


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (f">{USER}</Username", ">ltuser02</Username", "checkUsernamesMatch:Unaliased Header Username"),
        ('mode="request"', 'mode="demand"', "Unknown document request type."),
        (PROPOSAL, "PL99", "Unable to match proposal name: [PL99] with known proposals"),
        (PROPOSAL, "PL26A97", f"User [LT/{USER}] does NOT have access to Proposal [PL26A97]."),
        (PROPOSAL, "PL26A98", "Proposal [PL26A98] allocation account is overdrawn: Bal=-1.2h"),
        ('"G"', '"g"', "RTML filter type g returned null value when using key:filter.io:o.1.g"),
        ("IO:O", "RISE", "Failed to find instrument name for RISE of type ccd"),
        (">2</X>", ">1</X>", "Row/Column binning must be equal"),
        ("<Device name", "<Apparatus name", "Device not set"),
        (">300.0<", ">0.9<", "Your Exposure time is too short."),
        ('count="1"', 'count="0"', "Your Exposure Count is less than 1."),
        ("2026-11-22T", "2026-12-22T", "Your StartDate and EndDate do not make sense."),
        (
            "</Schedule>",
            "<SeriesConstraint><Count>2</Count></SeriesConstraint></Schedule>",
            "No Interval was",
        ),
    ],
)
def test_what_is_refused(lt: LtServer, old: str, new: str, words: str) -> None:
    text = document().replace(old, new)
    if "Apparatus" in new:
        text = text.replace("</Device>", "</Apparatus>")
    root = reply(lt, text)
    assert root.attrib["mode"] == "reject"
    assert words in errors(root)[0]
    assert next(root.iter(f"{SPACE}Username")).text in (USER, "ltuser02")  # not rewritten
    assert requests.get(f"{lt.url}/_groups", timeout=10).json() == []


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ('maximum="1.2"', 'maximum="1.3"', "SeeingConstraint"),
        ('maximum="2.0"', 'maximum="1.9"', "AirmassConstraint"),
        ("<Flux>2.0", "<Flux>1.0", "SkyConstraint"),
        ("light", "clear", "ExtinctionConstraint"),
        ("2026-11-22T20", "2026-11-22T21", "StartDate"),
        ("2026-11-29T20", "2026-11-29T21", "EndDate"),
    ],
)
def test_schedules_must_agree(lt: LtServer, old: str, new: str, name: str) -> None:
    root = reply(lt, document(body=SCHEDULE + SECOND.replace(old, new)))
    assert f"Constraint mismatch: {name} for 2" in errors(root)[0]


def test_ioi_is_not_known_any_more(lt: LtServer) -> None:
    infrared = SCHEDULE.replace("IO:O", "IO:I").replace("optical", "infrared").replace('"G"', '"H"')
    root = reply(lt, document(body=infrared))
    assert "Failed to find instrument name for IO:I of type ircam" in errors(root)[0]
    liric = infrared.replace("IO:I", "LIRIC")
    assert "LIRIC Row/Column binning must be 1." in errors(reply(lt, document(body=liric)))[0]


def test_an_interruption_is_noted_and_refused(lt: LtServer) -> None:
    root = reply(lt, document(body=SCHEDULE.replace("</Schedule>", "<Priority>0</Priority></Schedule>")))
    assert root.attrib["mode"] == "reject"
    assert requests.get(f"{lt.url}/_toop", timeout=10).json() == ["u-1-2"]


# -- state


def test_a_confirmation_echoes_and_rewrites_the_user(lt: LtServer) -> None:
    root = reply(lt, document(body=SCHEDULE + SECOND))
    assert (root.attrib["mode"], root.attrib["uid"]) == ("confirm", "u-1-2")
    assert [each.text for each in root.iter(f"{SPACE}Username")] == [f"LT/{USER}"]
    told = [each.text for each in root.iter(f"{SPACE}Description")]
    assert told == [f"rewritten contact to LT/{USER}", "Request confirmed."]
    assert len(root.findall(f"{SPACE}Schedule")) == 2
    assert next(root.iter(f"{SPACE}Seconds")).text == "50.89"
    [group] = requests.get(f"{lt.url}/_groups", timeout=10).json()
    assert (group["name"], group["proposal"]) == ("u_1_2", PROPOSAL)


def test_a_repeated_uid_is_another_group(lt: LtServer) -> None:
    for _ in range(2):
        reply(lt, document())
    assert len(requests.get(f"{lt.url}/_groups", timeout=10).json()) == 2
    reply(lt, document("abort", body=""))
    assert len(requests.get(f"{lt.url}/_groups", timeout=10).json()) == 1


@pytest.mark.parametrize("mode", ["abort", "update"])
def test_an_unknown_uid_is_refused(lt: LtServer, mode: str) -> None:
    root = reply(lt, document(mode, uid="other", body=""))
    assert root.attrib["mode"] == "reject"
    assert f"Exception while handling {mode} request: " in errors(root)[0]
    assert f"handle{mode.capitalize()}:Failed to find group other" in errors(root)[0]


def test_attempts_follow_the_clock(lt: LtServer) -> None:
    reply(lt, document())

    def told() -> list[str]:
        root = reply(lt, document("update", body=""))
        assert root.attrib["mode"] == "update"
        return [each.text or "" for each in root.iter(f"{SPACE}Description")][1:]

    assert told() == []
    lt.clock.advance(3 * 3600)
    assert told() == ["Failed after 3M 20S due to [600101] Acquisition failed"]
    lt.clock.advance(4 * 3600)
    assert told()[1:] == ["Completed in 12M 5S"]


def test_nothing_is_carried_out_after_the_window(lt: LtServer) -> None:
    short = SCHEDULE.replace("2026-11-29T20:00:00", "2026-11-22T21:00:00")
    reply(lt, document(body=short))
    lt.clock.advance(86400)
    root = reply(lt, document("update", body=""))
    assert len(list(root.iter(f"{SPACE}Entry"))) == 1  # the alias alone


def test_an_inquiry_scores(lt: LtServer) -> None:
    root = reply(lt, document("inquiry"))
    assert root.attrib["mode"] == "offer"
    scores = [float(each.attrib["cumulative"]) for each in root.iter(f"{SPACE}Score")]
    assert len(scores) == 101
    assert scores == sorted(scores)
    assert requests.get(f"{lt.url}/_groups", timeout=10).json() == []
    past = SCHEDULE.replace("2026-11-29T20", "2026-11-20T20").replace("2026-11-22T20", "2026-11-19T20")
    root = reply(lt, document("inquiry", body=past))
    assert (root.attrib["mode"], errors(root)) == ("offer", ["Start/end time are reversed or same"])


def test_it_forgets_and_refuses_unknown_settings(lt: LtServer) -> None:
    reply(lt, document())
    assert requests.post(f"{lt.url}/_config", json={"nonsense": 1}, timeout=10).status_code == 400
    requests.post(f"{lt.url}/_reset", timeout=10)
    assert requests.get(f"{lt.url}/_groups", timeout=10).json() == []


# -- data pages


def test_data_pages_need_the_proposals_password(lt: LtServer) -> None:
    url = f"{lt.url}/DataProd/RecentData/{PROPOSAL}/"
    for auth in (None, (PROPOSAL, PASSWORD), (USER, DATA_PASSWORD)):
        assert requests.get(url, auth=auth, timeout=10).status_code == 401
    assert requests.get(url, auth=(PROPOSAL, DATA_PASSWORD), timeout=10).status_code == 200


def test_reduced_files_come_in_the_morning_and_go_after_a_month(lt: LtServer) -> None:
    reply(lt, document())
    night = START.strftime("%Y%m%d")
    url, auth = f"{lt.url}/DataProd/RecentData/{PROPOSAL}/{night}/", (PROPOSAL, DATA_PASSWORD)
    log = f"{lt.url}/data/archive/webfiles/Logs/lt//{night}.log"
    lt.clock.advance(7 * 3600)
    assert requests.get(url, auth=auth, timeout=10).status_code == 404
    assert requests.get(log, timeout=10).status_code == 404
    lt.clock.advance(8 * 3600)
    assert "h_e_20261122_10_1_1_1.fits" in requests.get(url, auth=auth, timeout=10).text
    [row] = [line for line in requests.get(log, timeout=10).text.splitlines() if "u_1_2" in line]
    assert len(row.split()) == 17
    content = requests.get(f"{url}h_e_20261122_10_1_1_1.fits", auth=auth, timeout=10).content
    assert len(content) == 2880
    assert b"GROUPID =              'u_1_2'" in content
    lt.clock.advance(31 * 86400)
    assert requests.get(url, auth=auth, timeout=10).status_code == 404
