"""What a tick has to look at: the index of due requests, read only as far as there is room for more."""

from __future__ import annotations

from collections import deque
from collections.abc import Set

from slew import clock, store

BATCH = 100
"""How many due requests are listed at a time; their keys take some 15 KB."""
ACCOUNT_SHARE = 200
"""What is kept waiting for one allocation; more, one after another, a tick does not get done."""


class Agenda:
    """The facility's due requests, the longest overdue first, each given out once."""

    def __init__(self, facility: str) -> None:
        self._facility = facility
        self._listed: dict[str, int] = {}
        self._waiting: dict[str, deque[str]] = {}
        self._fresh = False
        self.renew()

    def renew(self) -> bool:
        """List anew what is due; False where the last list had nothing new."""
        fresh, self._fresh = self._fresh, False
        self._due = store.due(self._facility, clock.timestamp(), BATCH)
        return fresh

    def take(self, busy: Set[str]) -> tuple[str, str] | None:
        """The longest overdue request whose allocation is not busy, and that allocation's id."""
        ready = [account for account in self._waiting if account not in busy]
        if ready:  # listed before whatever the index still holds
            account = min(ready, key=lambda each: self._listed[self._waiting[each][0]])
            request_id = self._waiting[account].popleft()
            if not self._waiting[account]:
                del self._waiting[account]
            return request_id, account
        for request_id, account in self._due:
            if request_id in self._listed or len(self._waiting.get(account, ())) >= ACCOUNT_SHARE:
                continue
            self._listed[request_id] = len(self._listed)
            self._fresh = True
            if account not in busy:
                return request_id, account
            self._waiting.setdefault(account, deque()).append(request_id)
        return None
