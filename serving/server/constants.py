"""Constants that the server and its clients share. Imports nothing, so the command line may use it."""

MODEL_NAME = "temporec"  # the model's name in requests, unless a user chooses another
MAX_MESSAGE_BYTES = 64 * 1024 * 1024  # gRPC's own limit of 4 MB is a few thousand long histories
