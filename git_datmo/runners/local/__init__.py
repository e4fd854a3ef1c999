"""Tasks as processes of this machine: a session of their own, watched through the kernel."""
