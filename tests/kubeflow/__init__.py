"""A double of Kubeflow Pipelines: it treats a compiled pipeline as the API server, the driver and the launcher do."""
