"""What an audit tells: the exit code is 1 for a known vulnerability, and 0 where nobody could be asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local import audit

CLEAN = json.dumps({"dependencies": [{"name": "requests", "version": "2.32.5", "vulns": []}], "fixes": []})
KNOWN = {"id": "PYSEC-2099-1", "aliases": ["CVE-2099-1"], "fix_versions": ["2.0"], "description": "bad"}
BAD = json.dumps({"dependencies": [{"name": "x", "version": "1.0", "vulns": [KNOWN]}], "fixes": []})


def test_every_locked_file_is_audited() -> None:
    names = {str(path.relative_to(audit.ROOT)) for path in audit.files()}
    assert {"requirements/dev.txt", "requirements/local.txt", "layers/slew/requirements.txt"} <= names
    assert all("--hash=sha256:" in path.read_text(encoding="utf-8") for path in audit.files())


def test_a_clean_bill() -> None:
    assert audit.audit([Path("a.txt")], lambda _: CLEAN) == 0


def test_a_known_vulnerability_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (
        audit.audit([Path("a.txt"), Path("b.txt")], lambda path: BAD if path.name == "b.txt" else CLEAN) == 1
    )
    assert "x 1.0: PYSEC-2099-1 (mended in 2.0)" in capsys.readouterr().out
    monkeypatch.setitem(audit.ACCEPTED, "CVE-2099-1", "only in what we do not use")
    assert audit.audit([Path("b.txt")], lambda _: BAD) == 0


def test_where_nobody_can_be_asked_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    def nobody(path: Path) -> str:
        raise audit.NotAudited("no route")

    assert audit.audit([Path("a.txt")], nobody) == 0
    assert "Nothing was audited" in capsys.readouterr().out


def test_one_file_that_could_not_be_asked_about_hides_no_finding(capsys: pytest.CaptureFixture[str]) -> None:
    def some(path: Path) -> str:
        if path.name == "a.txt":
            raise audit.NotAudited("time-out")
        return BAD

    assert audit.audit([Path("a.txt"), Path("b.txt")], some) == 1
    assert "Only 1 of 2 files" in capsys.readouterr().out


def test_without_the_auditor_nothing_is_audited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(audit, "UV", tmp_path / "none")
    with pytest.raises(audit.NotAudited):
        audit.ask(tmp_path / "requirements.txt")
