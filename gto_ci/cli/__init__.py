"""The command lines. They parse words, print, and turn errors into exit codes."""
