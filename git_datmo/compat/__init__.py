"""Other systems' Python APIs over the verbs of git-datmo. Each is imported only when asked for."""
