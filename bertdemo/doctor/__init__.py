"""Whether this machine can run the app, check by check: `make doctor`, and a section of Runs for the local owner."""
