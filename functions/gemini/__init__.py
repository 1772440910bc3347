"""The Lambda function of the Gemini telescopes' target-of-opportunity triggers."""
