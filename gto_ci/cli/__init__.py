"""The command lines: parse arguments, print results, and turn errors into exit codes."""
