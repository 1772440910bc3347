"""The Lambda function of telescopes that are triggered by a message to a Slack channel."""
