"""Announcements by email (card notifications.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slew import config, email_message
from slew.delivery import Progress
from slew.errors import FacilityError, NotSent, Rejected, Unanswered
from slew.mail import Delivery, Mailer
from slew.notice import Notice
from slew.redact import Redactor


class EmailChannel:
    """Sends each of the allocation's recipients a mail of their own, and remembers who has got it."""

    name = "email"
    owner = "notify"

    def secrets(self, addressee: Mapping[str, Any]) -> list[str]:
        """None: addresses are no credentials."""
        return []

    def send(
        self, notice: Notice, addressee: Mapping[str, Any], progress: Progress, redactor: Redactor
    ) -> None:
        """Mail the notice to whoever has not got it. Raises Rejected, NotSent or Unanswered.

        NotSent as long as somebody can be tried on: who does not answer must not cost the others theirs.
        """
        try:
            everybody = email_message.recipients(addressee.get("email") or "")
        except ValueError as error:
            raise Rejected(f"email: {error}") from None
        mailer = Mailer(redactor)
        failed: dict[str, FacilityError] = {}
        for address in everybody:
            if progress.has(address):
                continue
            if progress.given_up(address):
                failed[address] = Unanswered("email: no answer from SES")
                continue
            try:
                progress.check_time()
                mailer.send(email_message.build(notice, (address,), config.portal_url()))
            except FacilityError as error:
                failed[address] = error
                if isinstance(error, Unanswered):
                    progress.unanswered(address)
            else:
                progress.done(address)
        if failed:
            raise _failure(failed, progress)


def _failure(failed: Mapping[str, FacilityError], progress: Progress) -> FacilityError:
    """What the failures come to, of those alone who have not got it."""
    text = Delivery(failed=failed).failures() if len(failed) > 1 else next(iter(failed.values())).reason
    waiting = [error for error in failed.values() if isinstance(error, NotSent)]
    if waiting:
        return NotSent(text, max(error.retry_after or 0 for error in waiting) or None)
    unsure = [address for address, error in failed.items() if isinstance(error, Unanswered)]
    if any(not progress.given_up(address) for address in unsure):
        return Unanswered(text)
    return Rejected(f"unconfirmed: {text}" if unsure else text)
