"""Messages, forms and answers as Slack has them."""
