"""A CI job behind one interface, and an implementation for each platform."""
