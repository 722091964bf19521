"""The accepted interactions, by column and in files."""
