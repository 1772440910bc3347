"""Plans by SSH at a real OpenSSH server: SFTP and scp, logins by key and by password, host keys, files."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.simulators.mma import MmaServer
from mma import ssh
from slew.errors import NotSent, Rejected, Unanswered
from slew.facility import Absent, Submission
from slew.status import Status
from slew.wire import Upload
from tests import openssh
from tests.mma_bench import FACILITY, NAME, Bench, many

pytestmark = pytest.mark.xdist_group("openssh")


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    if openssh.SSHD is None:
        openssh.install()
        openssh.SSHD = shutil.which("sshd", path="/usr/sbin")
    if openssh.SSHD is None:
        pytest.skip(openssh.MISSING)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[openssh.OpenSsh]:
    found = openssh.OpenSsh(tmp_path)
    monkeypatch.setenv("SLEW_ENDPOINT_ALLOW_LIST", f"127.0.0.1:{found.port}")
    yield found
    found.stop()


@pytest.fixture
def bench(server: openssh.OpenSsh) -> Iterator[Bench]:
    altdata = {
        "type": "scp",
        "host": "127.0.0.1",
        "port": server.port,
        "username": server.user,
        "private_key": server.key,
        "directory": str(server.incoming),
    }
    found = Bench(MmaServer(), altdata)
    yield found
    found.check_no_secret()


@pytest.fixture(params=["sftp", "scp"])
def both(server: openssh.OpenSsh, bench: Bench, request: pytest.FixtureRequest) -> Bench:
    """The same, once with the SFTP subsystem and once without."""
    server.sftp = request.param == "sftp"
    return bench


def files(server: openssh.OpenSsh) -> dict[str, str]:
    return {path.name: path.read_text() for path in server.incoming.iterdir()}


def wanted(bench: Bench) -> str:
    (upload,) = FACILITY.prepare(bench.order(), bench.link).exchanges
    assert isinstance(upload, Upload)
    return upload.body.decode()


def test_a_plan_is_uploaded_and_renamed(server: openssh.OpenSsh, both: Bench) -> None:
    submission = both.submit()
    assert (submission.status, submission.facility_request_id) == (Status.SUBMITTED, NAME)
    assert submission.text.endswith(f"bytes by {'sftp' if server.sftp else 'scp'}, renamed when complete")
    assert files(server) == {f"{NAME}.json": wanted(both)}
    mode = stat.S_IMODE((server.incoming / f"{NAME}.json").stat().st_mode)
    assert mode & 0o700 == 0o600
    assert mode == 0o644 or not server.sftp  # scp's is cut by the server's umask


def test_a_mode_of_its_own(server: openssh.OpenSsh, both: Bench) -> None:
    both.altdata["file_mode"] = "0600"
    both.submit()
    assert stat.S_IMODE((server.incoming / f"{NAME}.json").stat().st_mode) == 0o600


def test_ten_thousand_pointings(server: openssh.OpenSsh, both: Bench) -> None:
    del both.payload["planned_observations"]
    both.payload["targets"] = many(10_000)
    both.submit()
    assert files(server) == {f"{NAME}.json": wanted(both)}


def test_a_directory_with_blanks_and_quotes(server: openssh.OpenSsh, both: Bench) -> None:
    odd = server.directory / "in coming's $HOME; `id`"
    odd.mkdir()
    both.altdata["directory"] = str(odd)
    both.submit()
    assert [path.name for path in odd.iterdir()] == [f"{NAME}.json"]
    FACILITY.cancel(both.order(), both.link)
    assert list(odd.iterdir()) == []


def test_a_relative_directory(server: openssh.OpenSsh, bench: Bench) -> None:
    bench.altdata["directory"] = "incoming"  # the subsystem begins in the test's own directory
    bench.submit()
    assert list(files(server)) == [f"{NAME}.json"]


def test_the_same_plan_twice_is_one_file(server: openssh.OpenSsh, both: Bench) -> None:
    both.submit()
    before = (server.incoming / f"{NAME}.json").stat()
    assert "is there already" in Bench(both.server, both.altdata).submit().text
    after = (server.incoming / f"{NAME}.json").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_another_plan_of_the_name_is_not_overwritten(server: openssh.OpenSsh, both: Bench) -> None:
    (server.incoming / f"{NAME}.json").write_text("{}")
    with pytest.raises(Rejected, match="queue name exists"):
        both.submit()
    assert files(server) == {f"{NAME}.json": "{}"}


def test_a_directory_that_is_missing(server: openssh.OpenSsh, both: Bench) -> None:
    both.altdata["directory"] = str(server.directory / "nowhere")
    with pytest.raises(Rejected, match="No such file or directory"):
        both.submit()


def test_a_key_that_is_not_authorized(server: openssh.OpenSsh, bench: Bench) -> None:
    (server.directory / "authorized_keys").write_text("")
    with pytest.raises(Rejected, match="authentication failed"):
        bench.submit()
    assert files(server) == {}


@pytest.mark.parametrize(
    ("kind", "arguments"), [("rsa", ["-b", "2048"]), ("ecdsa", []), ("rsa", ["-m", "PEM"])]
)
def test_other_kinds_of_keys(server: openssh.OpenSsh, bench: Bench, kind: str, arguments: list[str]) -> None:
    path = server.directory / "other"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", kind, *arguments, "-N", "", "-f", str(path)], check=True, timeout=60
    )
    (server.directory / "authorized_keys").write_text(path.with_suffix(".pub").read_text())
    bench.altdata["private_key"] = path.read_text()
    FACILITY.check_altdata(bench.order().altdata)
    bench.submit()
    assert list(files(server)) == [f"{NAME}.json"]


# -- host keys


def test_the_first_host_key_is_kept_and_a_changed_one_refused(server: openssh.OpenSsh, bench: Bench) -> None:
    bench.submit()
    assert bench.learned == {f"ssh host key of 127.0.0.1:{server.port}": server.public_host_key}
    FACILITY.cancel(bench.order(), bench.link)
    server.change_host_key()
    bench.kept.clear()
    accepted = server.log.count("Accepted publickey")
    with pytest.raises(Rejected, match=r"host key: .* has changed"):
        bench.submit()
    assert server.log.count("Accepted publickey") == accepted
    assert files(server) == {}


def test_a_server_that_prefers_another_kind_of_key_keeps_the_known_one(
    server: openssh.OpenSsh, bench: Bench
) -> None:
    server.change_host_key("rsa")
    bench.submit()
    (known,) = bench.learned.values()
    assert known.startswith("ssh-rsa ")
    rsa = server.host_key
    server.change_host_key("ed25519")
    both_keys = f"{server.host_key}\nHostKey {rsa}"
    server.host_key = Path(both_keys)
    bench.payload["queue_name"] = "second"
    bench.kept.clear()
    bench.submit()
    assert len(files(server)) == 2


@pytest.mark.parametrize("form", ["key", "fingerprint"])
def test_a_pinned_host_key(server: openssh.OpenSsh, bench: Bench, form: str) -> None:
    shown = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(server.host_key)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert shown.stdout.split()[1] == ssh.fingerprint(server.public_host_key)
    bench.altdata["host_key"] = server.public_host_key if form == "key" else shown.stdout.split()[1]
    bench.submit()
    assert bench.learned == {}
    server.change_host_key()
    with pytest.raises(Rejected, match="is not the pinned one"):
        FACILITY.cancel(bench.order(), bench.link)


# -- changes


def test_update_and_cancel(server: openssh.OpenSsh, both: Bench) -> None:
    both.submit()
    both.update(end_date="2026-08-22 11:00:00")
    assert files(server) == {f"{NAME}.json": wanted(both)}
    assert FACILITY.cancel(both.order(), both.link).status is Status.CANCELLED
    assert files(server) == {}
    with pytest.raises(Rejected, match="already taken"):
        FACILITY.cancel(both.order(), both.link)


def test_reconcile_by_what_is_there(server: openssh.OpenSsh, both: Bench) -> None:
    both.submit()
    file = server.incoming / f"{NAME}.json"
    both.kept["stage"] = "noted before the renaming"
    assert isinstance(FACILITY.reconcile(both.order(), both.link), Submission)
    file.rename(f"{file}.part")
    assert isinstance(FACILITY.reconcile(both.order(), both.link), Absent)
    Path(f"{file}.part").unlink()
    found = FACILITY.reconcile(both.order(), both.link)
    assert isinstance(found, Submission)
    assert found.text.startswith("already taken")


def test_queues_and_verify(server: openssh.OpenSsh, bench: Bench) -> None:
    bench.submit()
    (server.incoming / "half.json.part").write_text("{")
    (server.incoming / "done").mkdir()
    [found] = FACILITY.queues(bench.order().altdata, bench.link)
    assert (found["name"], found["size"]) == (NAME, len(wanted(bench)))
    assert FACILITY.verify(bench.order().altdata, bench.link).valid


def test_a_connection_that_takes_too_long_is_closed(
    server: openssh.OpenSsh, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh, "LIMIT_S", 0.0)
    with pytest.raises((NotSent, Unanswered)):
        bench.submit()
    assert f"{NAME}.json" not in files(server)


# -- passwords: sshd checks them against the system's own accounts


@pytest.fixture
def account(server: openssh.OpenSsh) -> Iterator[tuple[str, str, Path]]:
    """A user of the machine for the time of one test: name, password, home."""
    if os.getuid() != 0 or not shutil.which("useradd") or not shutil.which("chpasswd"):
        pytest.skip("only root can make the account that a login by password at sshd takes")
    name, password = f"slew{secrets.token_hex(4)}", secrets.token_hex(12)
    # Not below the test's own directory, into which nobody but its owner may look.
    with tempfile.TemporaryDirectory(prefix="slew-home-") as home:
        command = ["useradd", "-M", "-N", "-d", home, "-s", "/bin/sh", name]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        try:
            subprocess.run(["chpasswd"], input=f"{name}:{password}\n".encode(), check=True, timeout=60)
            shutil.chown(home, name)
            yield name, password, Path(home)
        finally:
            server.stop()
            subprocess.run(["userdel", "-f", name], check=True, capture_output=True, timeout=60)


def test_a_login_by_password(server: openssh.OpenSsh, both: Bench, account: tuple[str, str, Path]) -> None:
    name, password, home = account
    server.passwords = True
    both.altdata |= {"username": name, "password": password, "directory": str(home)}
    del both.altdata["private_key"]
    both.submit()
    assert (home / f"{NAME}.json").read_text() == wanted(both)
    assert (home / f"{NAME}.json").owner() == name
    home.chmod(0o500)
    with pytest.raises(Rejected, match="Permission denied"):
        both.update(end_date="2026-08-22 11:00:00")
    both.altdata["password"] = "not-it"
    with pytest.raises(Rejected, match="authentication failed"):
        FACILITY.cancel(both.order(), both.link)


def test_a_password_where_only_keys_are_taken(server: openssh.OpenSsh, bench: Bench) -> None:
    del bench.altdata["private_key"]
    bench.altdata["password"] = "hush-hush"
    with pytest.raises(Rejected, match="the server takes only publickey"):
        bench.submit()
