"""The Lambda function that announces changes of status on Slack."""
