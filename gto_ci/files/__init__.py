"""The files that people write into a repository: settings, policy, annotations."""
