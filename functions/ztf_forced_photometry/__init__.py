"""The Lambda function of IPAC's ZTF forced photometry service."""
