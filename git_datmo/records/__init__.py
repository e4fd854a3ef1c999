"""How each value lies in git: the format, in code."""
