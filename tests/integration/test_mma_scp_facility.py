"""Plans by SSH against the simulated server: SFTP and scp, logins, host keys, refusals."""

from __future__ import annotations

import io
from collections.abc import Iterator

import paramiko
import pytest

from local.simulators.mma import SSH_USER
from mma import ssh
from slew.errors import Invalid, Rejected
from slew.status import Status
from tests.mma_bench import FACILITY, NAME, PLAN, SCP, Bench, failure, many, serving
from tests.mma_ssh_bench import PATH, change, commands, files, logins, wanted


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with serving(monkeypatch, SCP) as found:
        yield found


@pytest.fixture(params=["sftp", "scp"])
def both(bench: Bench, request: pytest.FixtureRequest) -> Bench:
    """The same, once with the SFTP subsystem and once without."""
    change(bench, sftp=request.param == "sftp")
    return bench


# -- taken


def test_a_plan_is_uploaded(both: Bench) -> None:
    submission = both.submit()
    assert (submission.status, submission.facility_request_id) == (Status.SUBMITTED, NAME)
    assert files(both) == {PATH: wanted(both)}
    assert both.server.ssh.disk.files[PATH].mode == 0o644
    assert both.marks == ["transfer"]
    assert "renamed when complete" in submission.text


def test_the_commands_of_scp(bench: Bench) -> None:
    change(bench, sftp=False)
    bench.submit()
    assert commands(bench) == [
        f"scp -f {PATH}",
        f"scp -t {PATH}.part",
        f"scp -f {PATH}.part",
        f"mv -f -- {PATH}.part {PATH}",
    ]


def test_unusual_directories_are_quoted(bench: Bench) -> None:
    bench.server.ssh.disk.directories["/data/too $HOME;x"] = True
    bench.altdata["directory"] = "/data/too $HOME;x"
    change(bench, sftp=False)
    bench.submit()
    assert commands(bench)[1] == f"scp -t '/data/too $HOME;x/{NAME}.json.part'"
    assert list(files(bench)) == [f"/data/too $HOME;x/{NAME}.json"]


def test_a_relative_directory_is_below_the_logins(both: Bench) -> None:
    both.altdata["directory"] = "plans"
    both.submit()
    assert list(files(both)) == [f"/home/too/plans/{NAME}.json"]


def test_a_mode_of_its_own(both: Bench) -> None:
    both.altdata["file_mode"] = "600"
    both.submit()
    assert both.server.ssh.disk.files[PATH].mode == 0o600


def test_a_server_that_renames_nothing(bench: Bench) -> None:
    change(bench, sftp=False, shell=False)
    submission = bench.submit()
    assert submission.text.endswith(f"in place: the server renames nothing; {PATH}.part is left there")
    assert files(bench)[PATH] == wanted(bench)


def test_ten_thousand_pointings(both: Bench) -> None:
    del both.payload["planned_observations"]
    both.payload["targets"] = many(10_000)
    both.submit()
    assert files(both)[PATH] == wanted(both)


def test_the_record_of_an_upload(bench: Bench) -> None:
    bench.submit()
    [exchange] = bench.transfers.exchanges
    assert (exchange.method, exchange.outcome) == ("UPLOAD", "answered")
    assert exchange.url == f"sftp://127.0.0.1:{bench.server.ssh.port}{PATH}"
    assert NAME in exchange.request_body


# -- logins


def private_key() -> tuple[str, str]:
    key = paramiko.ECDSAKey.generate()
    text = io.StringIO()
    key.write_private_key(text)
    return text.getvalue(), f"{key.get_name()} {key.get_base64()}"


def test_a_login_by_key(bench: Bench) -> None:
    del bench.altdata["password"]
    bench.altdata["private_key"], public = private_key()
    change(bench, keys={SSH_USER: public})
    FACILITY.check_altdata(bench.order().altdata)
    bench.submit()
    assert logins(bench) == [("publickey", True)]


def test_a_key_that_is_refused_is_followed_by_the_password(bench: Bench) -> None:
    bench.altdata["private_key"], _ = private_key()
    bench.submit()
    assert logins(bench) == [("publickey", False), ("password", True)]


def test_a_key_that_is_refused(bench: Bench) -> None:
    del bench.altdata["password"]
    bench.altdata["private_key"], _ = private_key()
    assert failure(bench, Rejected).reason == "authentication failed"


def test_a_wrong_password(bench: Bench) -> None:
    bench.altdata["password"] = "not-the-secret-of-the-dome"
    assert failure(bench, Rejected).reason == "authentication failed"
    assert files(bench) == {}


@pytest.mark.parametrize(
    ("key", "said"),
    [("-----BEGIN NOTHING-----\nAAAA\n-----END NOTHING-----", "cannot be read")],
)
def test_keys_that_cannot_be_read(bench: Bench, key: str, said: str) -> None:
    bench.altdata["private_key"] = key
    with pytest.raises(Invalid, match=said):
        FACILITY.check_altdata(bench.order().altdata)


def test_a_key_with_a_passphrase(bench: Bench) -> None:
    text = io.StringIO()
    paramiko.ECDSAKey.generate().write_private_key(text, password="open sesame")
    bench.altdata["private_key"] = text.getvalue()
    with pytest.raises(Invalid, match="passphrase"):
        FACILITY.check_altdata(bench.order().altdata)


# -- host keys


def shown_key(bench: Bench) -> str:
    key = bench.server.ssh.host_key
    return f"{key.get_name()} {key.get_base64()}"


def test_the_first_host_key_is_kept(bench: Bench) -> None:
    bench.submit()
    assert bench.learned == {f"ssh host key of 127.0.0.1:{bench.server.ssh.port}": shown_key(bench)}


@pytest.mark.parametrize("form", ["key", "fingerprint", "padded"])
def test_a_pinned_host_key(bench: Bench, form: str) -> None:
    pin = {"key": f"{shown_key(bench)} comment", "fingerprint": ssh.fingerprint(shown_key(bench))}
    pin["padded"] = f"{pin['fingerprint']}="
    bench.altdata["host_key"] = pin[form]
    bench.submit()
    assert bench.learned == {}
    assert len(files(bench)) == 1


@pytest.mark.parametrize("pinned", [True, False])
def test_a_changed_host_key_gets_no_credential(bench: Bench, pinned: bool) -> None:
    if pinned:
        bench.altdata["host_key"] = shown_key(bench)
    bench.submit()
    bench.server.ssh.journal.clear()
    before = ssh.fingerprint(shown_key(bench))
    change(bench, new_host_key=True)
    bench.payload["queue_name"] = "another"
    bench.kept.clear()
    reason = failure(bench, Rejected).reason
    assert reason.startswith("host key: that of 127.0.0.1")
    assert before in reason
    assert ssh.fingerprint(shown_key(bench)) in reason
    assert logins(bench) == []
    assert len(files(bench)) == 1


def test_a_pinned_key_of_another_kind(bench: Bench) -> None:
    bench.altdata["host_key"] = (
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
    )
    assert "shows none of the kind ssh-ed25519" in failure(bench, Rejected).reason
    assert logins(bench) == []


# -- refused


def test_a_directory_that_is_missing(both: Bench) -> None:
    both.altdata["directory"] = "/data/nowhere"
    assert failure(both, Rejected).reason.endswith("No such file or directory")


def test_a_directory_that_is_read_only(both: Bench) -> None:
    both.altdata["directory"] = "/data/readonly"
    assert failure(both, Rejected).reason.endswith("Permission denied")
    assert files(both) == {}


def test_a_full_disk(both: Bench) -> None:
    change(both, full=True)
    assert failure(both, Rejected).reason.endswith(("No space left on device", "Failure"))
    assert files(both) == {}


def test_a_server_with_neither_sftp_nor_scp(bench: Bench) -> None:
    change(bench, sftp=False, scp=False)
    assert failure(bench, Rejected).reason == "scp ended with status 127: sh: scp: not found"


def test_another_plan_of_the_name_is_not_overwritten(both: Bench) -> None:
    both.submit()
    there = files(both)
    other = Bench(both.server, both.altdata, {**PLAN, "end_date": "2026-08-22 11:00:00"})
    assert failure(other, Rejected).reason == f"queue name exists: {PATH} is there with another content"
    assert files(both) == there


def test_the_same_plan_is_there_already(both: Bench) -> None:
    both.submit()
    again = Bench(both.server, both.altdata)
    assert "is there already" in again.submit().text
