"""The Lambda function of the Swift XRT data products (UK Swift Science Data Centre, Leicester)."""
