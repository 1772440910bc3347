"""`python -m local.demo`: trigger follow-up of a supernova at every facility, and show each step.

A stack of its own on free ports, beside any that serves; simulators stand in for the facilities (unless
`SLEW_<FACILITY>_URL` says otherwise). Exit status 0 only if every step went as it should.
"""

from __future__ import annotations

import io
import logging
import shutil
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from local import demo_data, demo_others, demo_script, demo_steps
from local.console import Console
from local.demo_api import Api, Checks, Failure
from local.demo_record import Record
from local.demo_steps import Run
from local.examples import examples
from local.stack import Stack


def main() -> int:
    """Run the demonstration; the exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(sys.stdout)
    workdir = Path(tempfile.mkdtemp(prefix="slew-demo-"))
    (workdir / "logs").mkdir()
    logging.basicConfig(filename=workdir / "logs" / "stack.log")  # else warnings go between the steps
    keep_logs = False
    begun = time.monotonic()
    try:
        checks = demonstrate(console, workdir)
    except (Failure, LookupError, TypeError) as error:
        keep_logs = True
        return _failed(console, error, workdir)
    except KeyboardInterrupt:
        return 130
    finally:
        if not keep_logs:
            shutil.rmtree(workdir, ignore_errors=True)
    took = time.monotonic() - begun
    console.closing(
        f"All as it should be: {checks.count} checks, {took:.1f} s. `make serve` keeps a stack up."
    )
    return 0


def _failed(console: Console, error: Exception, workdir: Path) -> int:
    console.abandon()
    text = str(error) if isinstance(error, Failure) else f"an answer has not the expected form: {error!r}"
    console.failure(text)
    console.paragraph("The logs are in")
    console.paragraph(str(workdir / "logs"))
    return 1


def demonstrate(console: Console, workdir: Path) -> Checks:
    """All steps. Raises Failure at the first that goes wrong."""
    console.title("Slew: one HTTPS request triggers a telescope")
    console.paragraph(
        "Everything in template.yaml runs on this machine: the functions, and the AWS services that they "
        "use, embedded; simulators, strict ones, stand in for the facilities. Credentials show as ********."
    )
    with ExitStack() as cleanup:
        run = start(console, workdir, cleanup)
        demo_steps.create_allocations(run)
        demo_steps.verify(run)
        demo_steps.dry_run(run)
        demo_steps.submit(run)
        demo_steps.submit_again(run)
        others = demo_others.submit_examples(run, run.examples, run.began)
        demo_steps.let_time_pass(run)
        demo_others.look_at(run, others)
        demo_steps.cancel(run)
        demo_steps.show_notices(run)
        demo_steps.count_triggers(run)
        demo_data.wait_for_data(run, others)
        demo_data.mails_with_plots(run)
        demo_steps.look_for_secrets(run, workdir, demo_others.secrets_of(others))
        demo_steps.close(run, [(each.facility, each.latest, each.ms) for each in others])
    return run.checks


def start(console: Console, workdir: Path, cleanup: ExitStack) -> Run:
    """The stack, and what is planned with it."""
    console.step("Start")
    console.begin("embedded AWS, simulators, gateway")
    begun = time.monotonic()
    try:
        stack = cleanup.enter_context(Stack(0, workdir))
    except (OSError, RuntimeError, ValueError) as error:
        raise Failure(f"the stack: expected it to start, came {error}") from error
    console.end(f"up {(time.monotonic() - begun) * 1000:6.0f} ms")
    checks = Checks()
    api = Api(stack.url, stack.token, console, checks)
    state = api.quiet("GET", "/_local/state")
    console.item("API", state["url"])
    console.item("AWS", state["aws_endpoint"])
    console.item("functions", ", ".join(sorted(name.removesuffix("Function") for name in state["functions"])))
    console.item("simulators", ", ".join(f"{name} {url}" for name, url in state["simulators"].items()), 8)
    now = datetime.fromisoformat(state["now"])
    plans = demo_script.plans(now, f"{state['simulators']['generic']}/api/requests")
    record = Record(state["simulators"], state["aws_endpoint"])
    return Run(console, checks, api, record, plans, stack.token, examples(stack.simulators), now)


if __name__ == "__main__":
    sys.exit(main())
