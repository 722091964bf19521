"""What a person sees in a terminal or in TensorBoard's projector."""
