"""Content on a host that ssh reaches and that has python3; nothing of ours is installed there."""
