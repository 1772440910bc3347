"""The Lambda function of KAIT, the Katzman Automatic Imaging Telescope at Lick Observatory."""
