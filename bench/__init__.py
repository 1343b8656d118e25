"""Measurements that need more than a test run: whole files of bugs, many runs, wall clocks."""
