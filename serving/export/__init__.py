"""What leaves: signatures, top-k search and the recommender around them, as a SavedModel."""
