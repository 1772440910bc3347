"""Email: safe headers, both parts, nothing unescaped, and which addresses are taken."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slew import email_message
from slew.notice import Notice

PORTAL = "https://skyportal.example.org"
NOTICE = Notice(
    event_id="a1-000002",
    at="2026-11-22T17:00:01.250Z",
    action="submit",
    status="submitted",
    request_id="a1",
    facility="lco",
    facility_title="Las Cumbres Observatory",
    target_name="SN 2023ixf",
    ra_deg=210.910674637,
    dec_deg=-0.25,
    payload={"exposure_time": "300"},
    requester_name="Jane Doe",
    requester_username="jdoe",
    requester_email="jdoe@example.org",
    allocation_id="lco-2026b",
)
HEADER_VALUE = re.compile(r"[\x20-\x7e]{1,995}")


class Reader(HTMLParser):
    """What a mail client would show, and where it leads."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_headers_and_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEW_EMAIL_FROM", '"Follow-up service" <followup@example.org>')
    mail = email_message.build(NOTICE, ["too@example.org"], PORTAL)
    assert mail.subject.startswith("[submitted] ")
    assert "SN 2023ixf" in mail.subject
    assert "Las Cumbres Observatory" in mail.subject
    assert mail.to == ("too@example.org",)
    assert mail.reply_to == "jdoe@example.org"
    assert mail.headers == {"X-Followup-Request-Id": "a1", "List-Id": "<lco.slew.example.org>"}
    assert mail.tags == {"facility": "lco", "request_id": "a1"}
    shown = Reader(mail.html)
    for part in (
        "14:03:38.5619 -00:15:00.000",
        "210.910675 -0.250000",
        "Jane Doe (jdoe)",
        "lco-2026b",
        "300",
    ):
        assert part in mail.text
        assert part in shown.text
    assert f"{PORTAL}/source/SN%202023ixf" in shown.links
    assert all(link.startswith("https://") for link in shown.links)


def test_a_rejection_gives_its_reason_in_both_parts() -> None:
    mail = email_message.build(
        replace(NOTICE, status="rejected", reason="target is below the horizon"), ["a@b.org"], ""
    )
    assert mail.subject.startswith("[rejected] ")
    for part in (mail.text, mail.html):
        assert "Reason" in part
        assert "target is below the horizon" in part


def test_no_link_to_a_marshal_without_tls() -> None:
    mail = email_message.build(NOTICE, ["a@b.org"], "http://skyportal.example.org")
    assert "skyportal" not in mail.html + mail.text


@pytest.mark.parametrize(
    "email", ["", "jdoe", "a@b", "a b@c.org", "Jane <j@x.org>", "a@x.org\r\nBcc: b@x.org"]
)
def test_no_reply_to_unless_it_is_an_address(email: str) -> None:
    assert email_message.build(replace(NOTICE, requester_email=email), ["a@b.org"], "").reply_to == ""


HOSTILE = st.text(
    alphabet=st.one_of(st.characters(), st.sampled_from("<>&\"'\r\n\u2028\u2029\x85\x00")),
    min_size=1,
    max_size=300,
)


@given(name=HOSTILE, comment=HOSTILE, key=HOSTILE, value=HOSTILE, request_id=HOSTILE, facility=HOSTILE)
def test_nothing_breaks_out_of_a_header_or_of_the_html(
    name: str, comment: str, key: str, value: str, request_id: str, facility: str
) -> None:
    told = replace(
        NOTICE,
        target_name=f"x{name}",
        comment=f"x{comment}",
        reason=f"x{comment}",
        payload={key: value},
        request_id=f"x{request_id}",
        facility=facility,
    )
    mail = email_message.build(told, ["a@b.org"], PORTAL)
    assert len(mail.subject) <= 150
    assert not any(unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp") for each in mail.subject)
    for header in mail.headers.values():
        assert HEADER_VALUE.fullmatch(header)
    for tag in mail.tags.values():
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,256}", tag)
    plain = Reader(email_message.build(replace(NOTICE, comment="x", reason="x"), ["a@b.org"], "").html)
    hostile = Reader(email_message.build(told, ["a@b.org"], "").html)
    assert hostile.tags == plain.tags
    assert hostile.links == plain.links
    mail.html.encode()
    mail.text.encode()


def test_html_reads_as_it_was_written() -> None:
    mail = email_message.build(replace(NOTICE, comment='<script>alert("x")</script> & co'), ["a@b.org"], "")
    assert "<script>" not in mail.html
    assert '<script>alert("x")</script> & co' in Reader(mail.html).text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a@x.org", ("a@x.org",)),
        (" a@x.org , b@y.example.org,", ("a@x.org", "b@y.example.org")),
        ("a@x.org,A@X.org,a@x.org", ("a@x.org",)),
        ("first.last+too@sub-domain.example.org", ("first.last+too@sub-domain.example.org",)),
        ("a@xn--bcher-kva.example", ("a@xn--bcher-kva.example",)),
    ],
)
def test_recipients(text: str, found: tuple[str, ...]) -> None:
    assert email_message.recipients(text) == found


@pytest.mark.parametrize(
    "address",
    [
        "nobody",
        "a@b",
        "a@@b.org",
        "a b@c.org",
        '"a"@c.org',
        "Jane <a@c.org>",
        "a@c.org\nBcc: d@e.org",
        "a@-c.org",
        "a@c..org",
        "ä@c.org",
        "a@bücher.example",
        "a@c.org;d@e.org",
        f"{'a' * 65}@c.org",
        f"a@{'b.' * 130}org",
    ],
)
def test_a_bad_address_is_refused_by_its_place(address: str) -> None:
    with pytest.raises(ValueError, match="entry 2 is not an email address") as caught:
        email_message.recipients(f"good@x.org,{address}")
    assert address not in str(caught.value)


@pytest.mark.parametrize("text", ["", " , ", ","])
def test_somebody_must_be_named(text: str) -> None:
    with pytest.raises(ValueError, match="at least one"):
        email_message.recipients(text)


def test_at_most_fifty() -> None:
    addresses = [f"a{number}@x.org" for number in range(51)]
    assert len(email_message.recipients(",".join(addresses[:50]))) == 50
    with pytest.raises(ValueError, match="at most 50"):
        email_message.recipients(",".join(addresses))


@pytest.mark.parametrize("ra", [210.9, None])
def test_a_completion_links_to_its_light_curve(ra: float | None) -> None:
    url = "https://slew.example.org/requests/a1/photometry.png?key=K-_9"
    done = replace(NOTICE, status="complete", action="retrieve", light_curve_url=url, ra_deg=ra)
    mail = email_message.build(done, ["a@example.org"], PORTAL)
    assert f"Light curve: {url}" in mail.text
    assert url in Reader(mail.html).links
    assert mail.subject.startswith("[complete] Data of request for SN 2023ixf")
