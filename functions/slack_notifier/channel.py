"""Announcements on Slack (card notifications.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slew import config, slack_message, slack_webhook
from slew.delivery import Progress
from slew.errors import Rejected
from slew.http import Http
from slew.notice import Notice
from slew.redact import Redactor


class SlackChannel:
    """Posts to the allocation's incoming webhook."""

    name = "slack"

    def send(
        self, notice: Notice, addressee: Mapping[str, Any], progress: Progress, redactor: Redactor
    ) -> None:
        """Post the notice. Raises Rejected, NotSent or Unanswered."""
        workspace, channel, token = (
            addressee.get(f"slack_{part}") for part in ("workspace", "channel", "token")
        )
        if not (workspace and channel and token):
            raise Rejected("the allocation has no Slack webhook")
        portal_url = config.portal_url()
        slack_webhook.post(
            Http(redactor),
            (workspace, channel, token),
            slack_message.build(notice, portal_url),
            plain=slack_message.plain(notice, portal_url),
        )
