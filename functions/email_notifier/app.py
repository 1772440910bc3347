"""Entry point of the email notifier's function."""

from email_notifier.channel import EmailChannel
from slew.delivery import notifier

handler = notifier(EmailChannel())
