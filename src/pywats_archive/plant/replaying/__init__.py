"""Replays over the segments of a vault, on this machine's processors or on Dask. Always a dry run.

A **plan** names the segments and the fingerprint of the code; each segment is one **task**, which any process can carry out;
its **result** is an object that is created once, so a task that ran twice counts once. Dask only executes: it knows no results.
"""
