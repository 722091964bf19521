"""What data looks like: configuration, interactions, features. Imports no framework."""
