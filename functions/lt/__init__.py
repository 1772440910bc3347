"""The Lambda function of the Liverpool Telescope."""
