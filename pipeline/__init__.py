"""What is wired: the pipeline, its orchestrators, the command line."""
