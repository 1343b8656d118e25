"""A team's installation: its document, and how a Prefect server is brought to it."""
