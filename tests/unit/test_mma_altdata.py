"""Observation plans' altdata: five shapes, and which branch each of them means."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mma.models import MmaAltdata
from slew.errors import Invalid, Problem
from slew.validation import parse
from slew.work import secret_values
from tests.mma_bench import API, EMAIL, SCP, SLACK, without

JSON = dict[str, Any]
FORM = {
    "allocation_type": "API",
    "endpoint": "https://too.example.org/api/obsplans",
    "api_token": "1234567890",
}


def altdata_of(**keys: Any) -> MmaAltdata:
    return parse(MmaAltdata, keys, ["altdata"])


def refused(**keys: Any) -> str:
    with pytest.raises(Invalid) as caught:
        altdata_of(**keys)
    return caught.value.detail


@pytest.mark.parametrize(
    ("keys", "branch"),
    [
        (API, "api"),
        ({**API, "type": "something"}, "api"),
        ({**API, "type": "API"}, "api"),
        (SCP, "scp"),
        (without("type", SCP), "scp"),
        ({**without("type", SCP), "allocation_type": "scp"}, "scp"),
        ({**SCP, "port": 22}, "scp"),
        (SLACK, "slack"),
        ({**without("type", SLACK), "allocation_type": "slack"}, "slack"),
        (EMAIL, "email"),
        ({"allocation_type": "email", "email": "a@example.org, b@example.org"}, "email"),
        (FORM, "api"),
        (without("allocation_type", FORM), "api"),
    ],
)
def test_every_shape_of_altdata_is_recognised(keys: JSON, branch: str) -> None:
    assert altdata_of(**keys).branch == branch


@pytest.mark.parametrize(
    ("keys", "missing", "branch"),
    [
        (without("access_token", API), ["access_token"], "api"),
        (without("protocol", API), ["protocol"], "api"),
        ({"type": "scp", "host": "a.example.org", "port": 22}, ["username", "password", "directory"], "scp"),
        (without("directory", SCP), ["directory"], "scp"),
        (without("slack_token", SLACK), ["slack_token"], "slack"),
        ({"type": "email"}, ["email"], "email"),
        (without("api_token", FORM), ["access_token"], "api"),
        ({}, ["protocol", "host", "port", "access_token"], "api"),
        ({**SCP, "type": "SCP"}, ["protocol", "access_token"], "api"),
    ],
)
def test_what_is_missing_is_named(keys: JSON, missing: list[str], branch: str) -> None:
    told = refused(**keys)
    assert [line.partition(":")[0] for line in told.split("; ")] == [f"altdata.{name}" for name in missing]
    assert f"Missing allocation information for the {branch} branch" in told
    if keys.get("type") == "SCP":
        assert "(type 'SCP' is none of scp, slack, email, so it is the API)" in told


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"port": 0}, "altdata.port"),
        ({"port": "65536"}, "altdata.port"),
        ({"port": True}, "altdata.port: must be a TCP port"),
        ({"port": "ssh"}, "altdata.port: must be a TCP port"),
        ({"host": "https://a.example.org"}, "altdata.host: must be a host name"),
        ({"host": "a.example.org/x"}, "altdata.host: must be a host name"),
        ({"directory": "-o ProxyCommand"}, "altdata.directory: must not begin with"),
        ({"file_mode": "0444"}, "altdata.file_mode"),
        ({"private_key": "hush"}, "altdata.private_key: must be a private key"),
        ({"host_key": "ssh-ed25519 AAAA"}, "altdata.host_key: must be a public key"),
        ({"allocation_type": "slack"}, "altdata.allocation_type: differs from type"),
        ({"passwort": "x"}, "altdata.passwort: is not a field"),
    ],
)
def test_altdata_that_cannot_be(changes: JSON, said: str) -> None:
    assert said in refused(**{**SCP, **changes})


def test_an_address_that_is_none() -> None:
    assert "not an email address" in refused(type="email", email="nobody")


@pytest.mark.parametrize(
    ("keys", "url"),
    [
        (API, "http://127.0.0.1:8080/api/obsplans"),
        (
            {**API, "protocol": "https", "host": "too.example.org", "port": 443},
            "https://too.example.org:443/api/obsplans",
        ),
        ({**API, "host": "2001:db8::1"}, "http://[2001:db8::1]:8080/api/obsplans"),
        (FORM, "https://too.example.org/api/obsplans"),
    ],
)
def test_the_collection(keys: JSON, url: str) -> None:
    assert altdata_of(**keys).collection == url


@pytest.mark.parametrize("keys", [API, FORM, SCP, SLACK])
def test_credentials_are_secret(keys: JSON) -> None:
    altdata = altdata_of(**keys)
    values = secret_values(altdata)
    assert values
    assert not any(value in repr(altdata) for value in values)


@settings(max_examples=50)
@given(
    st.dictionaries(
        st.sampled_from(sorted(MmaAltdata.model_fields)), st.text(max_size=10) | st.integers() | st.none()
    )
)
def test_altdata_is_understood_or_refused(keys: JSON) -> None:
    try:
        altdata = altdata_of(**keys)
    except Problem:
        return
    assert altdata.branch in ("api", "scp", "slack", "email")


def test_the_function_starts_without_ssh() -> None:
    """paramiko takes a tenth of a second to import, which the other branches need not pay."""
    script = """
import sys
import mma.app
print(sorted({name.partition(".")[0] for name in sys.modules} & {"paramiko", "nacl"}))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
