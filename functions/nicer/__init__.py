"""The Lambda function of NICER's target-of-opportunity requests."""
