"""Content on a Git LFS server: what GitHub, GitLab, Gitea and Forgejo have beside their git."""
