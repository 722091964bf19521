"""Times and numbers from texts, by column."""
