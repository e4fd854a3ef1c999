"""Where a command runs: one protocol, and one room for each place."""
