"""Output for people: tables and progress in the terminal, and TensorBoard's projector."""
