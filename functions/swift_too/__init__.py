"""The Lambda function of Swift targets of opportunity."""
