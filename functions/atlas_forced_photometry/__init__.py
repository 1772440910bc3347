"""The Lambda function of the ATLAS forced photometry server."""
