"""Entry point of the Slack notifier's function."""

from slack_notifier.channel import SlackChannel
from slew.delivery import notifier

handler = notifier(SlackChannel())
