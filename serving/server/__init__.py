"""The development server with TensorFlow Serving's gRPC API, and its client."""
