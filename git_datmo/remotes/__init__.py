"""Moving refs and content between clones and the places they share."""
