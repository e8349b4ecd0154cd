"""The user's working tree: captures of its changes, and updates that are made completely or not at all."""
