"""Export of a model as a SavedModel: signatures, top-k search and the recommender around them."""
