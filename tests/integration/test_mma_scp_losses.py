"""Plans by SSH whose connection breaks, and what is done with them later: updates, cancellations, lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from mma import ssh
from slew import guard
from slew.errors import Failed, Invalid, NoAnswer, NotSent, Rejected, Unanswered
from slew.facility import Absent, Submission
from slew.status import Status
from tests.mma_bench import FACILITY, NAME, PLAN, SCP, Bench, failure, many, serving
from tests.mma_ssh_bench import PATH, change, files, wanted


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with serving(monkeypatch, SCP) as found:
        yield found


@pytest.fixture(params=["sftp", "scp"])
def both(bench: Bench, request: pytest.FixtureRequest) -> Bench:
    """The same, once with the SFTP subsystem and once without."""
    change(bench, sftp=request.param == "sftp")
    return bench


# -- lost


@pytest.mark.parametrize("after", [1, 300, 10**6])
def test_a_connection_that_breaks_during_the_upload(both: Bench, after: int) -> None:
    del both.payload["planned_observations"]
    both.payload["targets"] = many(10_000 if after > 300 else 2)
    change(both, cut_after=after)
    assert "a partial file may be there" in failure(both, NotSent).reason
    assert PATH not in files(both)
    assert isinstance(FACILITY.reconcile(both.order(), both.link), Absent)
    both.submit()
    assert files(both) == {PATH: wanted(both)}


def test_a_connection_that_breaks_while_the_file_itself_is_written(bench: Bench) -> None:
    change(bench, sftp=False, shell=False, cut_after=1000)
    assert "a partial file may be there" in failure(bench, NotSent).reason
    assert files(bench)[PATH] != wanted(bench)
    bench.submit()
    assert files(bench)[PATH] == wanted(bench)


def test_a_connection_that_breaks_before_the_renaming(both: Bench) -> None:
    change(both, cut_renaming="before")
    assert "while the file was given its name" in failure(both, Unanswered).reason
    assert isinstance(FACILITY.reconcile(both.order(), both.link), Absent)
    both.submit()
    assert files(both) == {PATH: wanted(both)}


def test_a_connection_that_breaks_after_the_renaming(both: Bench) -> None:
    change(both, cut_renaming="after")
    failure(both, Unanswered)
    found = FACILITY.reconcile(both.order(), both.link)
    assert isinstance(found, Submission)
    assert (found.facility_request_id, found.text) == (NAME, "the file is there")


def test_what_the_telescope_has_taken_meanwhile_is_not_sent_again(both: Bench) -> None:
    change(both, cut_renaming="after")
    failure(both, Unanswered)
    both.server.ssh.disk.take(PATH)
    found = FACILITY.reconcile(both.order(), both.link)
    assert isinstance(found, Submission)
    assert found.text.startswith("already taken")


def test_reconcile_does_not_take_another_file_for_ours(bench: Bench) -> None:
    change(bench, cut_renaming="before")
    failure(bench, Unanswered)
    bench.server.ssh.disk.create(PATH, "somebody").content = b"{}"
    assert FACILITY.reconcile(bench.order(), bench.link) is None


def test_a_server_that_is_down(bench: Bench) -> None:
    bench.server.ssh.stop()
    assert "could not reach 127.0.0.1" in failure(bench, NotSent).reason
    with pytest.raises(NoAnswer):
        FACILITY.queues(bench.order().altdata, bench.link)


def test_a_host_that_does_not_resolve(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(host: str, port: int) -> guard.Destination:
        raise NotSent(f"host {host} could not be resolved")

    monkeypatch.setattr(guard, "resolve_host", nowhere)
    assert "could not be resolved" in failure(bench, NotSent).reason


def test_what_speaks_no_ssh(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "STEP_TIMEOUT_S", 2.0)
    port = bench.server.url.rpartition(":")[2]
    monkeypatch.setenv("SLEW_ENDPOINT_ALLOW_LIST", "127.0.0.1")
    bench.altdata["port"] = port
    assert f"no SSH connection to 127.0.0.1:{port}" in failure(bench, NotSent).reason


def test_a_forbidden_host_is_never_called(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    order = bench.order()
    prepared = FACILITY.prepare(order, bench.link)
    monkeypatch.setenv("SLEW_ENDPOINT_ALLOW_LIST", "")
    with pytest.raises(Invalid, match=r"altdata\.host: is refused: host 127\.0\.0\.1 has the address"):
        FACILITY.check_altdata(order.altdata)
    with pytest.raises(Failed, match="which is not public"):
        FACILITY.submit(order, prepared, bench.link)
    assert bench.server.ssh.journal == []


def test_a_crash_between_uploading_and_renaming(bench: Bench) -> None:
    def crash(data: Mapping[str, Any]) -> None:
        if data.get("stage"):
            raise KeyboardInterrupt

    bench.before_keep = crash
    with pytest.raises(KeyboardInterrupt):
        bench.submit()
    bench.before_keep = lambda data: None
    assert list(files(bench)) == [f"{PATH}.part"]
    assert isinstance(FACILITY.reconcile(bench.order(), bench.link), Absent)
    bench.submit()
    assert files(bench) == {PATH: wanted(bench)}


# -- update, cancel, the rest


def test_an_update_overwrites_the_file(both: Bench) -> None:
    both.submit()
    submission = both.update(end_date="2026-08-22 11:00:00")
    assert submission.facility_request_id == NAME
    assert files(both) == {PATH: wanted(both)}
    assert "61274.458333" in wanted(both)


def test_an_update_of_what_has_been_taken(both: Bench) -> None:
    both.submit()
    both.server.ssh.disk.take(PATH)
    with pytest.raises(Rejected, match="already taken"):
        both.update(end_date="2026-08-22 11:00:00")
    assert files(both) == {}


def test_an_update_whose_outcome_was_lost(bench: Bench) -> None:
    bench.submit()
    change(bench, cut_renaming="after")
    with pytest.raises(Unanswered):
        bench.update(end_date="2026-08-22 11:00:00")
    bench.payload["end_date"] = PLAN["end_date"]  # the library goes back to what the request was
    assert isinstance(FACILITY.reconcile(bench.order(), bench.link), Submission)


def test_cancel(both: Bench) -> None:
    both.submit()
    cancellation = FACILITY.cancel(both.order(), both.link)
    assert (cancellation.status, cancellation.text) == (Status.CANCELLED, "the file was removed")
    assert files(both) == {}


def test_cancelling_what_has_been_taken(both: Bench) -> None:
    both.submit()
    both.server.ssh.disk.take(PATH)
    with pytest.raises(Rejected, match="already taken"):
        FACILITY.cancel(both.order(), both.link)


def test_a_plan_at_another_host_is_left_alone(bench: Bench) -> None:
    bench.submit()
    bench.altdata["port"] = 1
    with pytest.raises(Rejected, match="was sent to 127"):
        FACILITY.cancel(bench.order(), bench.link)


def test_nothing_tells_what_becomes_of_a_file(bench: Bench) -> None:
    bench.submit()
    before = len(bench.server.ssh.journal)
    assert (
        FACILITY.poll(bench.order(), bench.link).text
        == "status: not available at this facility (this receiver)"
    )
    bench.advance(86400)
    assert FACILITY.poll(bench.order(), bench.link).status is Status.EXPIRED
    assert len(bench.server.ssh.journal) == before


def test_queues_list_the_directory(bench: Bench) -> None:
    bench.submit()
    bench.server.ssh.disk.create(f"{PATH}.other", "somebody")
    [found] = FACILITY.queues(bench.order().altdata, bench.link)
    assert (found["name"], found["size"]) == (NAME, len(wanted(bench)))
    change(bench, sftp=False)
    with pytest.raises(Rejected, match="no SFTP"):
        FACILITY.queues(bench.order().altdata, bench.link)


def test_verify(both: Bench) -> None:
    found = FACILITY.verify(both.order().altdata, both.link)
    assert found.valid
    assert "logged in" in found.text
    both.altdata["password"] = "not-the-secret-of-the-dome"
    found = FACILITY.verify(both.order().altdata, both.link)
    assert (found.valid, found.text) == (False, "authentication failed")


def test_verify_looks_into_the_directory(bench: Bench) -> None:
    bench.altdata["directory"] = "/data/nowhere"
    found = FACILITY.verify(bench.order().altdata, bench.link)
    assert (found.valid, found.text) == (False, "/data/nowhere: No such file or directory")
