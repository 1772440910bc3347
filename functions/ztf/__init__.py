"""The Lambda function of ZTF triggering."""
