"""The call-back at the end of a task (card, "Call-back"): one POST, unsigned, never repeated."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import requests

from local.simulators.atlas.queue import Task, stamp
from local.simulators.base import JSON

TIMEOUT_S = 10


def call_back(task: Task, base_url: str, allowed: Iterable[str], entry: JSON) -> None:
    """POST in a thread to the task's `callback_url`; what came of it is put into `entry["outcome"]`.

    Only URLs that begin with one of `allowed` are really called: the simulator stays on loopback.
    """
    url = task.fields["callback_url"]
    entry |= {"task_id": task.id, "url": url, "outcome": "calling"}
    if not any(url.startswith(prefix) for prefix in allowed):
        entry["outcome"] = "not called: the simulator stays on loopback"
        return
    body = {
        "task_id": task.id,
        "task_url": f"{base_url}/queue/{task.id}/",
        "request_type": task.kind,
        "finishtimestamp": stamp(task.finished, fraction=True, old=False),
        "error_msg": task.error,
        "success": task.error is None,
    }
    threading.Thread(target=_post, args=(url, body, entry), daemon=True).start()


def _post(url: str, body: JSON, entry: JSON) -> None:
    headers = {"User-Agent": "atlasserver-forcedphot-callback"}
    try:
        answer = requests.post(url, json=body, headers=headers, timeout=TIMEOUT_S, allow_redirects=False)
        entry["outcome"] = f"answered {answer.status_code}"
    except requests.RequestException as error:
        entry["outcome"] = f"failed: {type(error).__name__}"
