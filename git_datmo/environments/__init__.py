"""What a run needs: found in the project's files, named by hand, or read from an interpreter."""
