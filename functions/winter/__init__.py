"""The Lambda function of WINTER and its SPRING camera."""
