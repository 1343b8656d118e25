"""Whether a change leaves the tests that judge it as strict as they were, judged by syntax and by nothing that runs."""
