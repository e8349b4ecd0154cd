"""Forgejo and Gitea. They use GitHub's variables and files; this package knows where they differ."""
