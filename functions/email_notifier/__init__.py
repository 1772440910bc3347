"""The Lambda function that announces changes of status by email."""
