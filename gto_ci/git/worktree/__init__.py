"""The user's work tree: what is captured from it, and how it changes wholly or not at all."""
