"""Another repository, over a transport: its refs and objects, and pushing to it."""
