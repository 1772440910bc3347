"""The Lambda function of telescopes that take multi-messenger observation plans."""
