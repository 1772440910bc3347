"""Branch B: the plan is a file in a directory of an SSH server (card mma.md, "submit by scp").

It is written as `<name>.json.part` and renamed, so that nobody who looks reads half of it. Until the renaming
a broken connection has changed nothing; from then on the files themselves tell what came of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mma import plan as plans
from mma.branch import Branch
from mma.models import MmaAltdata
from mma.plan import MmaOrder, Plan
from slew import guard
from slew.errors import Invalid, NoAnswer, NotSent, Rejected, Unanswered
from slew.facility import Absent, Cancellation, Link, Prepared, Submission, Verification
from slew.wire import Upload

if TYPE_CHECKING:  # paramiko takes 0.1 s to import: the other branches go without
    from mma.remote_files import Files

_STAGE = "stage"
"""Key of the facility data: digest of the content that was about to be given the final name."""
_IN_PLACE = "in_place"
"""Key of the facility data: digest of a content that was being written under the final name itself."""
_SUFFIX, _PART = ".json", ".part"


class Scp(Branch):
    """A directory of an SSH server. What becomes of a file there is not told."""

    def check(self, altdata: MmaAltdata) -> None:
        """Whether we may call the host, and whether the private key can be read. Raises Invalid."""
        _check_host(altdata)
        if altdata.private_key is not None:
            from mma import ssh

            ssh.check_private_key(altdata)

    def prepare(self, order: MmaOrder, plan: Plan) -> Prepared:
        """One upload. Raises Invalid for a name that is no safe file name, and for a forbidden host."""
        plans.check_file_name(plan)
        _check_host(order.altdata)
        return Prepared((Upload(_url(order.altdata, _path(order.altdata, plan)), plan.file()),))

    def submit(self, order: MmaOrder, plan: Plan, prepared: Prepared, link: Link) -> Submission:
        """Upload it; a file of that name with another content is somebody else's plan.

        Raises Rejected, Failed, Unanswered, or NotSent: nothing has changed, but for a `.part` perhaps.
        """
        upload = Upload(_url(order.altdata, _path(order.altdata, plan)), plan.file())
        link.keep({"branch": "scp", plans.DRAFT: plan.draft(), _STAGE: None})
        told = link.transfers.send(upload, self._uploading(order, plan, link, update=False))
        return _submission(order.altdata, plan, told)

    def update(self, order: MmaOrder, plan: Plan, prepared: Prepared, link: Link) -> Submission:
        """Overwrite the file, if it is still there. Raises as `submit`."""
        _same_host(order)
        upload = Upload(_url(order.altdata, str(order.facility_data["path"])), plan.file())
        told = link.transfers.send(upload, self._uploading(order, plan, link, update=True))
        return _submission(order.altdata, plan, told, str(order.facility_data["path"]))

    def cancel(self, order: MmaOrder, link: Link) -> Cancellation:
        """Remove the file. Raises Rejected where it is gone: the telescope has it; NotSent, Unanswered."""
        _same_host(order)
        path = str(order.facility_data["path"])
        begun = False

        def remove(files: Files) -> str:
            nonlocal begun
            begun = True
            if not files.remove(path):
                raise Rejected("already taken: the file is no longer there")
            return "the file was removed"

        def act() -> str:
            return _with_files(
                order.altdata, link, remove, lambda text: (Unanswered if begun else NotSent)(text)
            )

        return Cancellation(text=link.transfers.send(Upload(_url(order.altdata, path), b""), act))

    def reconcile(self, order: MmaOrder, plan: Plan, link: Link) -> Submission | Absent | None:
        """Look at the files. Raises NoAnswer, Rejected."""
        digest = order.facility_data.get(_STAGE)
        if digest is None:
            return Absent()  # the final name was never given
        path = str(order.facility_data.get("path") or _path(order.altdata, plan))
        found: list[Submission | Absent | None] = []

        def look(files: Files) -> str:
            content = files.read(path)
            if content is not None:
                own = _digest(content) == digest or content == plan.file()
                found.append(_submission(order.altdata, plan, "the file is there", path) if own else None)
                return "the plan is there" if own else "another file is there"
            if files.size(path + _PART) is not None:
                found.append(Absent())
                return "only the partial file is there"
            found.append(
                _submission(order.altdata, plan, "already taken: the file was renamed and is gone", path)
            )
            return "neither the file nor a partial one is there"

        _read(order.altdata, link, _url(order.altdata, path), look)
        return found[0]

    def verify(self, altdata: MmaAltdata, link: Link) -> Verification:
        """Log in, and look into the directory. Raises NoAnswer."""

        def look(files: Files) -> str:
            names = files.names(altdata.directory or ".")
            shown = "cannot be listed" if names is None else f"holds {len(names)} files"
            return f"logged in; {files.protocol}; the directory {shown}"

        try:
            text = _read(altdata, link, _url(altdata, altdata.directory or "."), look)
        except Rejected as error:
            return Verification(False, error.reason)
        return Verification(True, text)

    def queues(self, altdata: MmaAltdata, link: Link) -> list[dict[str, Any]]:
        """The plans that wait in the directory. Raises NoAnswer, Rejected."""
        found: list[dict[str, Any]] = []

        def look(files: Files) -> str:
            names = files.names(altdata.directory or ".")
            if names is None:
                raise Rejected("the server offers no SFTP, and scp lists no directory")
            waiting = [each for each in names if each["name"].endswith(_SUFFIX)]
            found.extend({**each, "name": each["name"].removesuffix(_SUFFIX)} for each in waiting)
            return f"{len(found)} plans"

        _read(altdata, link, _url(altdata, altdata.directory or "."), look)
        return found

    def _uploading(self, order: MmaOrder, plan: Plan, link: Link, *, update: bool) -> Callable[[], str]:
        altdata, body = order.altdata, plan.file()
        path = str(order.facility_data["path"]) if update else _path(altdata, plan)
        own = order.facility_data.get(_IN_PLACE) == _digest(body)
        stage = ""

        def begin(next_stage: str) -> None:
            nonlocal stage
            begun = dict.fromkeys((_STAGE, _IN_PLACE))
            link.keep({**begun, next_stage: _digest(body), "path": path})
            stage = next_stage

        def lost(text: str) -> NotSent | Unanswered:
            if stage == _STAGE:
                return Unanswered(f"{text}, while the file was given its name")
            return NotSent(f"{text}; a partial file may be there, and it is uploaded again")

        def upload(files: Files) -> str:
            there = files.read(path)
            if there == body:
                return f"the file is there already, {len(body)} bytes"
            if update and there is None:
                raise Rejected("already taken: the file is no longer there, so it cannot be changed")
            if there is not None and not update and not own:
                raise Rejected(f"queue name exists: {path} is there with another content")
            return _put(files, path, body, int(altdata.file_mode, 8), begin, over=update or own)

        return lambda: _with_files(altdata, link, upload, lost)


def _put(files: Files, path: str, body: bytes, mode: int, begin: Callable[[str], None], *, over: bool) -> str:
    """Put a file in its place; says how. `begin` is told of the steps that may show under the final name.

    Raises Rejected, Lost.
    """
    part = path + _PART
    try:
        files.write(part, body, mode)
        _check_size(files, part, len(body))
    except Rejected:
        with suppress(Rejected):
            files.remove(part)
        raise
    begin(_STAGE)
    if files.move(part, path, over=over):
        return f"{len(body)} bytes by {files.protocol}, renamed when complete"
    begin(_IN_PLACE)
    left = f"; {part} is left there"
    with suppress(Rejected):
        left = "" if files.remove(part) else left
    files.write(path, body, mode)
    _check_size(files, path, len(body), may_be_gone=True)
    return f"{len(body)} bytes by {files.protocol}, in place: the server renames nothing{left}"


def _check_size(files: Files, path: str, wanted: int, *, may_be_gone: bool = False) -> None:
    size = files.size(path)
    if size != wanted and not (may_be_gone and size is None):
        raise Rejected(f"{path}: has {size or 0} bytes after the upload, not {wanted}")


def _with_files(
    altdata: MmaAltdata,
    link: Link,
    work: Callable[[Files], str],
    lost: Callable[[str], NotSent | Unanswered | NoAnswer],
) -> str:
    """Log in and do the work; `lost` makes the exception for a connection that breaks meanwhile."""
    from mma import remote_files, ssh

    with ssh.connection(altdata, link) as transport:
        try:
            return work(remote_files.open_files(transport))
        except ssh.Lost as error:
            raise lost(f"connection to {altdata.host} lost: {error}") from None


def _read(altdata: MmaAltdata, link: Link, url: str, work: Callable[[Files], str]) -> str:
    def act() -> str:
        try:
            return _with_files(altdata, link, work, NoAnswer)
        except NotSent as error:
            raise NoAnswer(error.reason) from None

    return link.transfers.read("READ", url, act)


def _submission(altdata: MmaAltdata, plan: Plan, text: str, path: str = "") -> Submission:
    data = {
        "branch": "scp",
        plans.DRAFT: plan.draft(),
        "queue_name": plan.queue_name,
        "path": path or _path(altdata, plan),
        "host": _at(altdata),
    }
    return Submission(plan.queue_name, data, text=text)


def _same_host(order: MmaOrder) -> None:
    sent_to, now = order.facility_data.get("host"), _at(order.altdata)
    if sent_to not in (None, now):
        raise Rejected(f"the plan was sent to {sent_to}, but the allocation's altdata now says {now}")


def _check_host(altdata: MmaAltdata) -> None:
    try:
        guard.resolve_host((altdata.host or "").strip("[]"), altdata.port or 22)
    except guard.Refused as refused:
        raise Invalid.field(["altdata", "host"], f"is refused: {refused}") from None
    except NotSent:
        pass  # a name that does not resolve just now may do so when it is needed


def _path(altdata: MmaAltdata, plan: Plan) -> str:
    directory = altdata.directory or "."
    return f"{directory}{'' if directory.endswith('/') else '/'}{plan.file_name}"


def _url(altdata: MmaAltdata, path: str) -> str:
    return f"sftp://{_at(altdata)}{path if path.startswith('/') else f'/./{path}'}"


def _at(altdata: MmaAltdata) -> str:
    return f"{altdata.host}:{altdata.port}"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
