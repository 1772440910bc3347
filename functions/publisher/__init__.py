"""The Lambda function that passes changes of status from the table's stream to the topic."""
