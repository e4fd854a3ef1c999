"""Being a guest in somebody's hooks folder: moving in, moving out, and reading what git says."""
