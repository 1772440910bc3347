"""The Lambda function of telescopes without a client of their own: an HTTP endpoint, a Slack channel or email."""
