"""The connector of Slack: answers of people to gates, and wishes for new work."""
