"""What the server and its clients agree on beside TensorFlow Serving's API; imports nothing, so the CLI may read it."""

MODEL_NAME = "temporec"  # what requests call the model, where nobody chose a name
MAX_MESSAGE_BYTES = 64 * 1024 * 1024  # gRPC's own limit of 4 MB is a few thousand long histories
