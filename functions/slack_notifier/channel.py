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

_PARTS = ("slack_workspace", "slack_channel", "slack_token")


class SlackChannel:
    """Posts to the allocation's incoming webhook."""

    name = "slack"
    owner = "notify"

    def secrets(self, addressee: Mapping[str, Any]) -> list[str]:
        """The three parts of the webhook, which together are its credential."""
        return [str(addressee[key]) for key in _PARTS if addressee.get(key)]

    def send(
        self, notice: Notice, addressee: Mapping[str, Any], progress: Progress, redactor: Redactor
    ) -> None:
        """Post the notice. Raises Rejected, NotSent or Unanswered."""
        workspace, channel, token = (addressee.get(part) for part in _PARTS)
        if not (workspace and channel and token):
            raise Rejected("the allocation has no Slack webhook")
        portal_url = config.portal_url()
        slack_webhook.post(
            Http(redactor),
            (workspace, channel, token),
            slack_message.build(notice, portal_url),
            plain=slack_message.plain(notice, portal_url),
        )
