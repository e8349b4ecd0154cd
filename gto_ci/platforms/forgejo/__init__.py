"""Forgejo and Gitea. They speak GitHub's words to a job; what they mean by them otherwise is known here alone."""
