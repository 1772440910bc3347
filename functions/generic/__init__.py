"""The Lambda function of telescopes without a client of their own."""
