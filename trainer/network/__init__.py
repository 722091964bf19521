"""The network: embeddings, encoder, attention, the two tasks and their losses."""
