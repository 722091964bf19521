"""How well content ranks items: titles, categories, and lists that were shown."""
