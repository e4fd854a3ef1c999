"""Content in git refs: for hosts that take nothing but git."""
