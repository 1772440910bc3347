"""Announcements by email (card notifications.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slew import config, email_message
from slew.delivery import Progress
from slew.errors import FacilityError, Rejected
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
        """Mail the notice to whoever has not got it. Raises Rejected, NotSent or Unanswered."""
        try:
            everybody = email_message.recipients(addressee.get("email") or "")
        except ValueError as error:
            raise Rejected(f"email: {error}") from None
        mailer = Mailer(redactor)
        failed: dict[str, FacilityError] = {}
        for address in everybody:
            if progress.has(address):
                continue
            try:
                progress.check_time()
                mailer.send(email_message.build(notice, (address,), config.portal_url()))
            except FacilityError as error:
                failed[address] = error
            else:
                progress.done(address)
        # Those who have got it are left out: what is to be tried again goes to the others alone.
        failure = Delivery(failed=failed).error()
        if failure:
            raise failure
