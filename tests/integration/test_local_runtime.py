"""The Runtime API host: functions as real runtime processes, ending as on Lambda."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local.processes import Children
from local.runtime import FunctionError, PayloadTooLarge, Runtime, Throttled
from local.system import Function

ROOT = Path(__file__).resolve().parents[2]
MakeRuntime = Callable[..., Runtime]


@pytest.fixture
def make_runtime(tmp_path: Path) -> Iterator[MakeRuntime]:
    children = Children()
    runtimes: list[Runtime] = []

    def make(body: str, **settings: Any) -> Runtime:
        code = tmp_path / "code"
        (code / "echo").mkdir(parents=True)
        (code / "echo" / "app.py").write_text(textwrap.dedent(body))
        function = Function("Echo", "echo.app.handler", code, **settings)
        environment = {"STACK_WIDE": "yes"}
        runtime = Runtime([function], children=children, environment=environment, logs=tmp_path / "logs")
        runtimes.append(runtime)
        return runtime

    yield make
    for runtime in runtimes:
        runtime.close()
    children.close()


def error_of(runtime: Runtime, event: Any = None) -> dict[str, Any]:
    with pytest.raises(FunctionError) as raised:
        runtime.call("Echo", event)
    return raised.value.error


def test_answers_with_the_handlers_value_and_stays_warm(make_runtime: MakeRuntime) -> None:
    runtime = make_runtime(
        """
        import os
        def handler(event, context):
            return {"got": event, "pid": os.getpid(), "id": context.aws_request_id}
        """
    )
    first = runtime.call("Echo", {"α": [1, None]})
    second = runtime.call("Echo", "x")
    assert first["got"] == {"α": [1, None]}
    assert second["got"] == "x"
    assert first["pid"] == second["pid"] == runtime.pids("Echo")[0]
    assert first["id"] != second["id"]
    assert runtime.cold_starts("Echo") == 1


def test_environment_is_lambdas_and_the_functions_but_not_the_callers(
    make_runtime: MakeRuntime, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OF_THE_CALLER", "secret")
    layer = tmp_path / "layer"
    layer.mkdir()
    (layer / "shared_by_layer.py").write_text("VALUE = 42")
    runtime = make_runtime(
        """
        import os, shared_by_layer
        def handler(event, context):
            return {**os.environ, "layer": shared_by_layer.VALUE,
                    "left": context.get_remaining_time_in_millis(), "arn": context.invoked_function_arn}
        """,
        environment={"OWN": "1"},
        layers=(layer,),
        memory_mb=512,
        timeout_s=20.0,
    )
    seen = runtime.call("Echo", None)
    assert "OF_THE_CALLER" not in seen
    assert seen["layer"] == 42
    assert seen["OWN"] == "1"
    assert seen["STACK_WIDE"] == "yes"
    assert seen["AWS_LAMBDA_FUNCTION_NAME"] == "Echo"
    assert seen["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
    assert seen["AWS_REGION"] == seen["AWS_DEFAULT_REGION"] == "us-east-1"
    assert seen["TZ"] == ":UTC"
    assert 10_000 < seen["left"] <= 20_000
    assert seen["arn"].endswith(":function:Echo")


def test_an_exception_is_lambdas_error_object_and_the_process_goes_on(make_runtime: MakeRuntime) -> None:
    runtime = make_runtime(
        """
        def handler(event, context):
            if event == "bad":
                raise ValueError("not this")
            return "good"
        """
    )
    error = error_of(runtime, "bad")
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "not this")
    assert error["stackTrace"]
    assert runtime.call("Echo", "fine") == "good"
    assert runtime.cold_starts("Echo") == 1


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("os._exit(3)", "Runtime exited with error: exit status 3"),
        ("os._exit(0)", "Runtime exited without providing a reason"),
        ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
    ],
)
def test_a_process_that_ends_is_an_exit_error_and_is_replaced(
    make_runtime: MakeRuntime, end: str, said: str
) -> None:
    runtime = make_runtime(f"import os\ndef handler(event, context):\n    if event: {end}\n    return 1\n")
    error = error_of(runtime, True)
    assert error["errorType"] == "Runtime.ExitError"
    assert error["errorMessage"].endswith(said)
    assert runtime.call("Echo", False) == 1
    assert runtime.cold_starts("Echo") == 2


def test_a_process_killed_while_idle_is_replaced_unseen(make_runtime: MakeRuntime) -> None:
    runtime = make_runtime("import os\ndef handler(event, context):\n    return os.getpid()\n")
    first = runtime.call("Echo", None)
    os.kill(first, signal.SIGKILL)
    wait_until_gone(first)
    assert runtime.call("Echo", None) != first


def test_a_time_out_kills_the_process(make_runtime: MakeRuntime, tmp_path: Path) -> None:
    runtime = make_runtime(
        """
        import os, pathlib, time
        def handler(event, context):
            if event:
                pathlib.Path(event).write_text(str(os.getpid()))
                time.sleep(60)
            return "quick"
        """,
        timeout_s=3.0,
    )
    note = tmp_path / "pid"
    error = error_of(runtime, str(note))
    assert error["errorType"] == "Sandbox.Timedout"
    assert error["errorMessage"].endswith("Task timed out after 3.00 seconds")
    wait_until_gone(int(note.read_text()))
    assert runtime.call("Echo", None) == "quick"


def test_a_module_that_does_not_import_is_reported(make_runtime: MakeRuntime) -> None:
    runtime = make_runtime("import no_such_module\n")
    error = error_of(runtime)
    assert error["errorType"] == "Runtime.ImportModuleError"
    assert "no_such_module" in error["errorMessage"]


def test_initialisation_does_not_count_against_the_time_out(make_runtime: MakeRuntime) -> None:
    runtime = make_runtime(
        "import time\ntime.sleep(3.5)\ndef handler(event, context):\n    return 'up'\n", timeout_s=3.0
    )
    assert runtime.call("Echo", None) == "up"


def test_concurrent_invocations_have_a_process_each(make_runtime: MakeRuntime, tmp_path: Path) -> None:
    # Each waits until all three have begun: it ends only if they really run at once.
    runtime = make_runtime(
        """
        import os, pathlib, time
        def handler(event, context):
            (pathlib.Path(event) / str(os.getpid())).touch()
            while len(os.listdir(event)) < 3:
                time.sleep(0.01)
            return os.getpid()
        """,
        timeout_s=30.0,
    )
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    with ThreadPoolExecutor(3) as pool:
        pids = set(pool.map(lambda _: runtime.call("Echo", str(meeting)), range(3)))
    assert len(pids) == 3
    assert runtime.cold_starts("Echo") == 3


def test_reserved_concurrency_throttles(make_runtime: MakeRuntime, tmp_path: Path) -> None:
    runtime = make_runtime(
        """
        import pathlib, time
        def handler(event, context):
            here = pathlib.Path(event)
            (here / "begun").touch()
            while not (here / "go").exists():
                time.sleep(0.01)
        """,
        timeout_s=30.0,
        reserved_concurrency=1,
    )
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(runtime.call, "Echo", str(tmp_path))
        while not (tmp_path / "begun").exists():
            assert not first.done()
            time.sleep(0.01)
        with pytest.raises(Throttled):
            runtime.call("Echo", str(tmp_path))
        (tmp_path / "go").touch()
        assert first.result() is None


def test_payload_limits_are_lambdas(make_runtime: MakeRuntime) -> None:
    runtime = make_runtime("def handler(event, context):\n    return 'x' * event\n")
    assert len(runtime.call("Echo", 5_000_000)) == 5_000_000
    assert error_of(runtime, 7_000_000)["errorType"] == "Function.ResponseSizeTooLarge"
    with pytest.raises(PayloadTooLarge):
        runtime.call("Echo", "x" * 7_000_000)


def test_output_goes_to_the_functions_log(make_runtime: MakeRuntime, tmp_path: Path) -> None:
    runtime = make_runtime("def handler(event, context):\n    print('seen', event, flush=True)\n")
    runtime.call("Echo", "M31")
    assert "seen M31" in (tmp_path / "logs" / "Echo.log").read_text()


def test_recycling_makes_the_next_start_cold(make_runtime: MakeRuntime) -> None:
    runtime = make_runtime("def handler(event, context):\n    return 1\n")
    runtime.warm("Echo")
    runtime.warm("Echo")
    assert runtime.cold_starts("Echo") == 1
    runtime.call("Echo", None)
    runtime.recycle("Echo")
    assert runtime.pids("Echo") == []
    runtime.call("Echo", None)
    assert runtime.cold_starts("Echo") == 2


def test_children_end_with_a_parent_that_is_killed() -> None:
    program = """
        import pathlib, subprocess, time
        from local.processes import Children
        null = subprocess.DEVNULL
        child = Children().start(["sleep", "600"], env={}, cwd=pathlib.Path("/"), stdout=null, stderr=null)
        print(child.pid, flush=True)
        time.sleep(600)
        """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, cwd=ROOT
    )
    assert parent.stdout
    child = int(parent.stdout.readline())
    os.kill(child, 0)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until_gone(child)


def wait_until_gone(pid: int) -> None:
    """Returns once the process has ended; a zombie that its new parent has not noticed yet has."""
    while True:
        time.sleep(0.01)
        try:
            os.kill(pid, 0)
            state = Path(f"/proc/{pid}/stat")
            if state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z":
                return
        except (ProcessLookupError, FileNotFoundError):
            return


def test_results_are_json_as_the_handler_gave_it(make_runtime: MakeRuntime) -> None:
    runtime = make_runtime("def handler(event, context):\n    return {'text': 'é', 'none': None, 'n': 1.5}\n")
    result = runtime.invoke("Echo", b"{}")
    assert not result.failed
    assert json.loads(result.payload) == {"text": "é", "none": None, "n": 1.5}
