"""TensorFlow Serving's gRPC API in this process, and its client."""
