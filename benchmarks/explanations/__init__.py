"""Whether explanations name the items that a recommendation rests on."""
