"""What each step takes, returns and decides. Pure: no Prefect, no input or output, milliseconds to test."""
